CREATE TABLE payments.reconciliation_files (
    id            uuid PRIMARY KEY,
    acquirer      text NOT NULL,
    livemode      boolean NOT NULL,
    settlement_id text NOT NULL,
    sha256        bytea NOT NULL,
    covers_until  timestamptz NOT NULL,
    report        jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (acquirer, livemode, settlement_id)
);

CREATE TABLE payments.reconciliation_lines (
    file_id        uuid NOT NULL REFERENCES payments.reconciliation_files,
    line           integer NOT NULL,
    acquirer       text NOT NULL,
    type           text NOT NULL CHECK (type IN ('capture', 'refund', 'dispute', 'dispute_reversal')),
    key            text NOT NULL,
    reference      text NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    fee            bigint NOT NULL,
    currency       char(3) NOT NULL,
    settled_at     timestamptz NOT NULL,
    result         text NOT NULL CHECK (result IN ('matched', 'amount_differs', 'extra')),
    expected       bigint,
    payment_id     uuid,
    transaction_id uuid,
    PRIMARY KEY (file_id, line),
    CHECK ((result = 'extra') = (expected IS NULL))
);
-- What was settled once is not settled again, whatever file says so.
CREATE UNIQUE INDEX reconciliation_lines_settled ON payments.reconciliation_lines (acquirer, type, key) WHERE result <> 'extra';
COMMENT ON COLUMN payments.reconciliation_lines.transaction_id IS 'null when its group came to nothing at all';
CREATE INDEX reconciliation_lines_by_transaction ON payments.reconciliation_lines (transaction_id);
