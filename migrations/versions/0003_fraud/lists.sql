CREATE TABLE payments.fraud_list_entries (
    id          uuid PRIMARY KEY,
    livemode    boolean NOT NULL,
    merchant_id uuid,
    list        text NOT NULL CHECK (list IN ('block', 'allow')),
    kind        text NOT NULL CHECK (kind IN ('card', 'ip', 'country', 'bin')),
    value       text NOT NULL,
    reason      text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    removed_at  timestamptz,
    version     bigint NOT NULL
);
CREATE UNIQUE INDEX fraud_list_entries_in_force ON payments.fraud_list_entries (livemode, list, kind, value, merchant_id)
    NULLS NOT DISTINCT WHERE removed_at IS NULL;
CREATE INDEX fraud_list_entries_by_version ON payments.fraud_list_entries (version);
COMMENT ON COLUMN payments.fraud_list_entries.merchant_id IS 'whose payments it is about; null for everybody''s';
COMMENT ON COLUMN payments.fraud_list_entries.version IS 'lists_version of its last change';

-- What turned out to be fraud: told by the merchant, a dispute or a reviewer.
CREATE TABLE payments.fraud_reports (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    payment_id  uuid NOT NULL,
    source      text NOT NULL CHECK (source IN ('merchant', 'dispute', 'review')),
    reason      text NOT NULL,
    comment     text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (payment_id, source)
);
