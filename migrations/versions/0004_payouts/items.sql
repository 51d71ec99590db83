ALTER TABLE payments.merchants
    ADD COLUMN payout_delay_days  smallint NOT NULL DEFAULT 2 CHECK (payout_delay_days BETWEEN 0 AND 90),
    ADD COLUMN payout_schedule    text NOT NULL DEFAULT 'daily' CHECK (payout_schedule IN ('daily', 'manual')),
    ADD COLUMN payout_destination text;
COMMENT ON COLUMN payments.merchants.payout_delay_days IS 'calendar days of the time zone from the day of a capture';
COMMENT ON COLUMN payments.merchants.payout_destination IS 'what the payout rail calls the merchant''s account; no account number';

-- The start of the day that lies some days after a moment's, on a merchant's own calendar: days with a change of the
-- clocks are days like any other.
CREATE FUNCTION payments.matures_at(moment timestamptz, zone text, days integer) RETURNS timestamptz LANGUAGE sql STABLE STRICT
    RETURN ((moment AT TIME ZONE zone)::date + days)::timestamp AT TIME ZONE zone;

-- What moved a merchant's pending balance: one row per ledger transaction that did. The worker writes them after the fact,
-- from the postings, so that nobody who takes a payment waits for them.
CREATE TABLE payments.settlement_items (
    transaction_id uuid NOT NULL,
    merchant_id    uuid NOT NULL,
    livemode       boolean NOT NULL,
    currency       char(3) NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('capture', 'refund', 'dispute', 'dispute_reversal', 'adjustment',
                                                 'payout_failure')),
    payment_id     uuid,
    operation      text,
    amount         bigint NOT NULL CHECK (amount <> 0),
    booked_at      timestamptz NOT NULL,
    available_at   timestamptz NOT NULL,
    maturity_id    uuid,
    PRIMARY KEY (transaction_id)
) PARTITION BY RANGE (transaction_id);
CREATE INDEX settlement_items_due ON payments.settlement_items (merchant_id, livemode, currency, available_at)
    WHERE maturity_id IS NULL;
CREATE INDEX settlement_items_by_payment ON payments.settlement_items (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX settlement_items_by_maturity ON payments.settlement_items (maturity_id, transaction_id)
    WHERE maturity_id IS NOT NULL;
COMMENT ON COLUMN payments.settlement_items.amount IS 'minor units; positive is owed to the merchant';

-- Items that became available together; a payout takes whole maturities, so it marks few rows however many items it has.
CREATE TABLE payments.maturities (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    currency    char(3) NOT NULL,
    amount      bigint NOT NULL,
    items       integer NOT NULL CHECK (items > 0),
    payout_id   uuid,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX maturities_unpaid ON payments.maturities (merchant_id, livemode, currency) WHERE payout_id IS NULL;
CREATE INDEX maturities_by_payout ON payments.maturities (payout_id) WHERE payout_id IS NOT NULL;
COMMENT ON COLUMN payments.maturities.id IS 'also of its ledger transaction, unless its items add up to nothing';

CREATE TABLE payments.settlement_watermark (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    xact      bigint NOT NULL
);
INSERT INTO payments.settlement_watermark (xact) VALUES (0);
