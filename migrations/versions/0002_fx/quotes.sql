CREATE TABLE payments.fx_quotes (
    id                  uuid PRIMARY KEY,
    merchant_id         uuid NOT NULL,
    livemode            boolean NOT NULL,
    from_currency       char(3) NOT NULL,
    to_currency         char(3) NOT NULL,
    rate_mid            numeric NOT NULL CHECK (rate_mid > 0),
    spread_basis_points integer NOT NULL CHECK (spread_basis_points BETWEEN 0 AND 9999),
    rate_source         text NOT NULL,
    rate_effective_at   timestamptz NOT NULL,
    amount              bigint CHECK (amount > 0),
    created_at          timestamptz NOT NULL DEFAULT now(),
    expires_at          timestamptz NOT NULL,
    consumed_by         uuid UNIQUE,
    consumed_at         timestamptz,
    CHECK (from_currency <> to_currency),
    CHECK ((consumed_by IS NULL) = (consumed_at IS NULL))
);
CREATE INDEX fx_quotes_unused ON payments.fx_quotes (expires_at) WHERE consumed_by IS NULL;
COMMENT ON COLUMN payments.fx_quotes.amount IS 'what the merchant asked about; the quote holds for any amount';
COMMENT ON COLUMN payments.fx_quotes.consumed_by IS 'the one payment made at this rate, written in its commit';
