-- Limits are amounts of the merchant's settlement currency; null is no limit.
CREATE TABLE payments.risk_limits (
    merchant_id               uuid PRIMARY KEY REFERENCES payments.merchants,
    single_amount             bigint CHECK (single_amount > 0),
    daily_volume              bigint CHECK (daily_volume > 0),
    monthly_volume            bigint CHECK (monthly_volume > 0),
    daily_count               integer CHECK (daily_count > 0),
    refund_ratio_basis_points integer CHECK (refund_ratio_basis_points BETWEEN 0 AND 10000),
    alert_percent             integer NOT NULL DEFAULT 80 CHECK (alert_percent BETWEEN 1 AND 100),
    updated_by                text NOT NULL,
    updated_at                timestamptz NOT NULL DEFAULT now()
);

-- What a merchant did on one day of its own time zone: limits are held against it and positions are read from it.
-- One row is locked and updated once per merchant and batch, never once per payment.
CREATE TABLE payments.merchant_days (
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    day         date NOT NULL,
    volume      bigint NOT NULL DEFAULT 0,
    count       integer NOT NULL DEFAULT 0,
    approved    integer NOT NULL DEFAULT 0,
    declined    integer NOT NULL DEFAULT 0,
    limited     integer NOT NULL DEFAULT 0,
    captured    bigint NOT NULL DEFAULT 0,
    refunded    bigint NOT NULL DEFAULT 0,
    largest     bigint NOT NULL DEFAULT 0,
    scored      integer NOT NULL DEFAULT 0,
    score_sum   bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, livemode, day)
) WITH (fillfactor = 50);
CREATE INDEX merchant_days_by_day ON payments.merchant_days (day);
COMMENT ON COLUMN payments.merchant_days.volume IS 'reserved: what is authorized, captured, under review or unknown';
COMMENT ON COLUMN payments.merchant_days.count IS 'payments behind volume';
COMMENT ON COLUMN payments.merchant_days.limited IS 'payments declined because of a limit';
COMMENT ON COLUMN payments.merchant_days.captured IS 'captured of the payments made on this day, whenever that happened';
COMMENT ON COLUMN payments.merchant_days.refunded IS 'refunded of the payments made on this day, whenever that happened';

CREATE TABLE payments.risk_alerts (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES payments.merchants,
    livemode    boolean NOT NULL,
    kind        text NOT NULL,
    day         date NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('warning', 'critical')),
    details     jsonb NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolved_by text,
    resolution  text
);
CREATE UNIQUE INDEX risk_alerts_open ON payments.risk_alerts (merchant_id, livemode, kind, day) WHERE resolved_at IS NULL;
CREATE INDEX risk_alerts_by_merchant ON payments.risk_alerts (merchant_id, livemode, id DESC);
