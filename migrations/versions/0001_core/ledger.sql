CREATE TABLE payments.ledger_accounts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    kind        text NOT NULL CHECK (kind IN (
        'authorization_holds', 'authorization_contra', 'acquirer_receivable', 'merchant_pending', 'merchant_available',
        'platform_fees', 'acquirer_fees', 'platform_bank', 'payouts_in_transit', 'refunds', 'chargebacks',
        'fx_clearing', 'fx_spread', 'rounding', 'suspense')),
    currency    char(3) NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (merchant_id, livemode, kind, currency)
);

CREATE TABLE payments.ledger_transactions (
    id           uuid NOT NULL,
    merchant_id  uuid NOT NULL,
    livemode     boolean NOT NULL,
    kind         text NOT NULL,
    payment_id   uuid,
    operation    text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX ledger_transactions_by_merchant ON payments.ledger_transactions (merchant_id, livemode, id DESC);
CREATE INDEX ledger_transactions_by_payment ON payments.ledger_transactions (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE payments.postings (
    transaction_id uuid NOT NULL,
    line           smallint NOT NULL,
    account_id     bigint NOT NULL,
    currency       char(3) NOT NULL,
    amount         bigint NOT NULL CHECK (amount <> 0),
    xact           bigint NOT NULL DEFAULT payments.current_xact(),
    PRIMARY KEY (transaction_id, line)
) PARTITION BY RANGE (transaction_id);
CREATE INDEX postings_by_account ON payments.postings (account_id, xact) INCLUDE (amount);
CREATE INDEX postings_by_xact ON payments.postings USING brin (xact);
COMMENT ON COLUMN payments.postings.amount IS 'minor units; positive is a debit, negative a credit';

-- Roll-ups: balance = rolled-up amount + postings from the watermark on, read in one snapshot.
CREATE TABLE payments.ledger_balances (
    account_id bigint PRIMARY KEY REFERENCES payments.ledger_accounts,
    amount     numeric(38, 0) NOT NULL
);
CREATE TABLE payments.ledger_watermark (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    xact      bigint NOT NULL
);
INSERT INTO payments.ledger_watermark (xact) VALUES (0);

-- Every statement that writes postings must leave each of its transactions balanced per currency, each posting in the
-- currency of its account, and no account of another mode or merchant than the transaction's. Once per statement, not per row.
CREATE FUNCTION payments.check_postings() RETURNS trigger LANGUAGE plpgsql SET search_path = payments, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    SELECT transaction_id, currency, sum(amount) AS difference INTO bad
      FROM added GROUP BY transaction_id, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % is out of balance by % %', bad.transaction_id, bad.difference, bad.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balanced';
    END IF;
    SELECT added.transaction_id, added.account_id INTO bad
      FROM added
      LEFT JOIN ledger_transactions t ON t.id = added.transaction_id
      LEFT JOIN ledger_accounts a
             ON a.id = added.account_id AND a.currency = added.currency AND a.livemode = t.livemode
            AND a.merchant_id IN (t.merchant_id, '00000000-0000-0000-0000-000000000000')
     WHERE a.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % does not fit account % (missing, or of another currency, mode or merchant)',
            bad.transaction_id, bad.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_fit_account';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_postings AFTER INSERT ON payments.postings
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments.check_postings();

CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: the ledger is append-only; post a correcting transaction instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.postings
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.ledger_transactions
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments.postings
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments.ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();
