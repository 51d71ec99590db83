CREATE TABLE payments.payouts (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    livemode        boolean NOT NULL,
    currency        char(3) NOT NULL,
    amount          bigint NOT NULL CHECK (amount > 0),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'paid', 'failed')),
    method          text NOT NULL CHECK (method IN ('daily', 'on_demand')),
    day             date NOT NULL,
    destination     text,
    rail            text NOT NULL,
    rail_reference  text,
    failure_code    text,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'failed') = (failure_code IS NOT NULL))
);
CREATE INDEX payouts_by_merchant ON payments.payouts (merchant_id, livemode, id DESC);
CREATE INDEX payouts_pending ON payments.payouts (next_attempt_at) WHERE status = 'pending';
-- Two workers that start the same day's payout: one of them wins.
CREATE UNIQUE INDEX payouts_daily ON payments.payouts (merchant_id, livemode, currency, day) WHERE method = 'daily';
COMMENT ON COLUMN payments.payouts.day IS 'of the merchant''s time zone';
