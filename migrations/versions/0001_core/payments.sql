-- The number of the writing transaction. Everything below the oldest one still running is complete, so readers that go up
-- to that point never skip a late commit. A bigint, because xid8 has no BRIN operator class.
CREATE FUNCTION payments.current_xact() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE
    RETURN pg_current_xact_id()::text::bigint;

CREATE FUNCTION payments.oldest_running_xact() RETURNS bigint LANGUAGE sql STABLE
    RETURN pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- The hot tables are partitioned by month through their UUIDv7 ids, so the key stays the id and look-ups prune.
-- They carry no foreign keys: each would lock a shared parent row once per payment (docs/decisions/0006-write-path.md).

CREATE TABLE payments.payments (
    id                   uuid NOT NULL,
    merchant_id          uuid NOT NULL,
    livemode             boolean NOT NULL,
    status               text NOT NULL CHECK (status IN ('processing', 'review', 'authorized', 'captured', 'voided',
                                                         'expired', 'declined', 'failed', 'unknown')),
    amount               bigint NOT NULL CHECK (amount > 0),
    currency             char(3) NOT NULL,
    amount_authorized    bigint NOT NULL DEFAULT 0 CHECK (amount_authorized IN (0, amount)),
    amount_captured      bigint NOT NULL DEFAULT 0,
    amount_refunded      bigint NOT NULL DEFAULT 0,
    amount_capturing     bigint NOT NULL DEFAULT 0 CHECK (amount_capturing >= 0),
    amount_refunding     bigint NOT NULL DEFAULT 0 CHECK (amount_refunding >= 0),
    voiding              boolean NOT NULL DEFAULT false,
    capture_method       text NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    payment_method_id    uuid NOT NULL,
    card                 jsonb NOT NULL,
    reference            text,
    description          text,
    metadata             jsonb NOT NULL DEFAULT '{}',
    statement_descriptor text,
    customer_ip          text,
    device_id            text,
    card_country         char(2),
    connector            text NOT NULL,
    acquirer_reference   text,
    decline_code         text,
    fee_basis_points     integer NOT NULL,
    fee_fixed            bigint NOT NULL,
    fee_charged          bigint NOT NULL DEFAULT 0,
    usage_day            date NOT NULL,
    usage_amount         bigint NOT NULL,
    settlement_currency  char(3) NOT NULL,
    fx_rate_mid          numeric,
    fx_spread_basis_points integer,
    fx_rate_source       text,
    fx_rate_effective_at timestamptz,
    fx_quote_id          uuid,
    fx_remainder         numeric,
    card_fingerprint     text NOT NULL,
    card_bin             text NOT NULL,
    ip_country           char(2),
    score                smallint,
    receipt              jsonb,
    review_expires_at    timestamptz,
    idempotency_key      text NOT NULL,
    timeline             jsonb NOT NULL,
    expires_at           timestamptz,
    acquirer_deadline    timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id),
    CHECK (fx_rate_mid IS NULL OR (fx_rate_mid > 0 AND settlement_currency <> currency AND abs(fx_remainder) <= 0.5)),
    CHECK (num_nulls(fx_rate_mid, fx_spread_basis_points, fx_rate_source, fx_rate_effective_at, fx_remainder) IN (0, 5)),
    CHECK (amount_captured >= 0 AND amount_captured + amount_capturing <= amount_authorized),
    CHECK (amount_refunded >= 0 AND amount_refunded + amount_refunding <= amount_captured)
) PARTITION BY RANGE (id);
CREATE INDEX payments_by_merchant ON payments.payments (merchant_id, livemode, id DESC);
CREATE INDEX payments_by_reference ON payments.payments (merchant_id, livemode, reference) WHERE reference IS NOT NULL;
CREATE INDEX payments_expiring ON payments.payments (expires_at) WHERE status = 'authorized';
CREATE INDEX payments_in_review ON payments.payments (review_expires_at) WHERE status = 'review';
CREATE INDEX payments_unresolved ON payments.payments (acquirer_deadline) WHERE status IN ('processing', 'unknown');
COMMENT ON COLUMN payments.payments.usage_day IS 'the day of the merchant''s time zone whose limits this payment counts against';
COMMENT ON COLUMN payments.payments.usage_amount IS 'what it counts, in minor units of the settlement currency at the mid rate of its creation';
COMMENT ON COLUMN payments.payments.amount_capturing IS 'reserved by captures whose outcome is not known yet';
COMMENT ON COLUMN payments.payments.amount_refunding IS 'reserved by refunds whose outcome is not known yet';

CREATE TABLE payments.operations (
    id                 uuid NOT NULL,
    payment_id         uuid NOT NULL,
    merchant_id        uuid NOT NULL,
    livemode           boolean NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    status             text NOT NULL CHECK (status IN ('processing', 'succeeded', 'failed', 'unknown')),
    amount             bigint NOT NULL CHECK (amount >= 0),
    currency           char(3) NOT NULL,
    final              boolean NOT NULL,
    reason             text,
    metadata           jsonb NOT NULL DEFAULT '{}',
    acquirer_reference text,
    failure_code       text,
    idempotency_key    text NOT NULL,
    acquirer_deadline  timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX operations_by_payment ON payments.operations (payment_id, id);
CREATE INDEX operations_by_merchant ON payments.operations (merchant_id, livemode, kind, id DESC);
CREATE INDEX operations_unresolved ON payments.operations (acquirer_deadline) WHERE status IN ('processing', 'unknown');

-- Not partitioned: a unique key would have to contain the partition column. Pruned instead.
CREATE TABLE payments.idempotency_keys (
    merchant_id  uuid NOT NULL,
    livemode     boolean NOT NULL,
    key          text NOT NULL,
    path         text NOT NULL,
    fingerprint  bytea NOT NULL,
    resource_id  uuid NOT NULL,
    event_id     uuid,
    status_code  smallint,
    deadline     timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, livemode, key, path)
);
COMMENT ON COLUMN payments.idempotency_keys.path IS 'method and path, for example "POST /v1/payments"';
COMMENT ON COLUMN payments.idempotency_keys.event_id IS 'the event whose data is the reply, byte for byte; null while in flight';
COMMENT ON COLUMN payments.idempotency_keys.deadline IS 'until then an unanswered intent is in flight; afterwards its outcome is unknown';
CREATE INDEX idempotency_keys_by_age ON payments.idempotency_keys USING brin (created_at);

-- The outbox, and the home of every reply: one row per change, in the commit of the change.
CREATE TABLE payments.events (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    type        text NOT NULL,
    object_id   uuid NOT NULL,
    data        json NOT NULL,
    xact        bigint NOT NULL DEFAULT payments.current_xact(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
COMMENT ON COLUMN payments.events.data IS 'the object as it was, in the bytes a client got (json, not jsonb, keeps them)';
CREATE INDEX events_by_xact ON payments.events USING brin (xact);
