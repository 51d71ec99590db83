-- History, and never anything else: a correction is one more row. Of rows that take effect at once, the last one counts.
CREATE TABLE payments.fx_rates (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base         char(3) NOT NULL,
    quote        char(3) NOT NULL,
    rate         numeric NOT NULL CHECK (rate BETWEEN 0.000000001 AND 1000000000),
    effective_at timestamptz NOT NULL,
    source       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    CHECK (base <> quote)
);
CREATE INDEX fx_rates_in_force ON payments.fx_rates (base, quote, effective_at DESC, id DESC);
COMMENT ON COLUMN payments.fx_rates.rate IS 'units of quote for one unit of base; at most twelve significant digits';

CREATE FUNCTION payments.refuse_rate_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: exchange rates are history; record another one instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.fx_rates
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_rate_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments.fx_rates
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_rate_change();
