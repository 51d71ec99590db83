ALTER TABLE payments.merchants ADD COLUMN fee_dispute bigint NOT NULL DEFAULT 0 CHECK (fee_dispute >= 0);
COMMENT ON COLUMN payments.merchants.fee_dispute IS 'minor units of the settlement currency, per dispute; returned when it is won';

-- Refunds and disputes together never give back more than was captured.
ALTER TABLE payments.payments ADD COLUMN amount_disputed bigint NOT NULL DEFAULT 0;
ALTER TABLE payments.payments ADD CONSTRAINT payments_given_back_check CHECK (
    amount_disputed >= 0 AND amount_refunded + amount_refunding + amount_disputed <= amount_captured) NOT VALID;
ALTER TABLE payments.payments VALIDATE CONSTRAINT payments_given_back_check;
COMMENT ON COLUMN payments.payments.amount_disputed IS 'withheld by disputes that are open or lost';

CREATE TABLE payments.disputes (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    livemode        boolean NOT NULL,
    payment_id      uuid NOT NULL,
    connector       text NOT NULL,
    reference       text NOT NULL,
    status          text NOT NULL CHECK (status IN ('needs_response', 'responding', 'under_review', 'won', 'lost')),
    reason          text NOT NULL,
    amount          bigint NOT NULL CHECK (amount > 0),
    amount_withheld bigint NOT NULL CHECK (amount_withheld BETWEEN 0 AND amount),
    currency        char(3) NOT NULL,
    fee             bigint NOT NULL CHECK (fee >= 0),
    fee_currency    char(3) NOT NULL,
    evidence        jsonb,
    respond_by      timestamptz,
    accepting       boolean NOT NULL DEFAULT false,
    ask_again_at    timestamptz,
    timeline        jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (connector, livemode, reference)
);
CREATE INDEX disputes_by_merchant ON payments.disputes (merchant_id, livemode, id DESC);
CREATE INDEX disputes_by_payment ON payments.disputes (payment_id);
CREATE INDEX disputes_responding ON payments.disputes (ask_again_at) WHERE status = 'responding';
COMMENT ON COLUMN payments.disputes.amount IS 'what the cardholder disputes, in the payment''s currency';
COMMENT ON COLUMN payments.disputes.amount_withheld IS 'what was left of it to take from the merchant: what is refunded is not taken twice';
COMMENT ON COLUMN payments.disputes.ask_again_at IS 'when to repeat a response that the acquirer has not confirmed';
