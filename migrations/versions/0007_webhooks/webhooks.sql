CREATE TABLE payments.webhook_endpoints (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    livemode        boolean NOT NULL,
    url             text NOT NULL,
    description     text,
    event_types     text[],
    status          text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
    disabled_reason text CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
    cursor          bigint NOT NULL,
    lease           uuid,
    leased_until    timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz
);
COMMENT ON COLUMN payments.webhook_endpoints.event_types IS 'null: all of them';
COMMENT ON COLUMN payments.webhook_endpoints.cursor IS 'events up to this number have their deliveries';
COMMENT ON COLUMN payments.webhook_endpoints.lease IS 'of the worker that makes first attempts: one at a time keeps them in order';
CREATE INDEX webhook_endpoints_by_merchant ON payments.webhook_endpoints (merchant_id, livemode, id DESC)
    WHERE deleted_at IS NULL;

CREATE TABLE payments.webhook_secrets (
    id          uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES payments.webhook_endpoints,
    key_id      text NOT NULL,
    sealed      bytea NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN payments.webhook_secrets.sealed IS 'AES-256-GCM under a key derived from the key ring''s key_id, bound to the endpoint';
CREATE INDEX webhook_secrets_by_endpoint ON payments.webhook_secrets (endpoint_id);

CREATE TABLE payments.webhook_deliveries (
    id          uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES payments.webhook_endpoints,
    sequence    bigint NOT NULL,
    event_id    uuid NOT NULL,
    type        text NOT NULL,
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'parked', 'canceled')),
    attempts    integer NOT NULL DEFAULT 0,
    tries       smallint NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (endpoint_id, sequence)
);
COMMENT ON COLUMN payments.webhook_deliveries.tries IS 'attempts of the present schedule; a retry by hand and a replay start a new one';
COMMENT ON COLUMN payments.webhook_deliveries.due_at IS 'of the next attempt; whoever makes it moves this ahead first, which is its lease';
CREATE INDEX webhook_deliveries_first ON payments.webhook_deliveries (endpoint_id, sequence)
    WHERE status = 'pending' AND attempts = 0;
CREATE INDEX webhook_deliveries_again ON payments.webhook_deliveries (endpoint_id, due_at)
    WHERE status = 'pending' AND attempts > 0;
CREATE INDEX webhook_deliveries_by_endpoint ON payments.webhook_deliveries (endpoint_id, id DESC);

CREATE TABLE payments.webhook_attempts (
    delivery_id uuid NOT NULL REFERENCES payments.webhook_deliveries ON DELETE CASCADE,
    number      integer NOT NULL,
    started_at  timestamptz NOT NULL,
    status_code smallint,
    latency_ms  integer NOT NULL,
    error       text,
    PRIMARY KEY (delivery_id, number)
);
