CREATE TABLE payments.adjustments (
    id             uuid PRIMARY KEY,
    merchant_id    uuid NOT NULL,
    livemode       boolean NOT NULL,
    currency       char(3) NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    debit          text NOT NULL,
    credit         text NOT NULL CHECK (credit <> debit),
    reason         text NOT NULL,
    status         text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'posted', 'rejected')),
    proposed_by    text NOT NULL,
    decided_by     text,
    decided_at     timestamptz,
    transaction_id uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- Four eyes, whatever the application does.
    CHECK (status <> 'posted' OR (decided_by IS NOT NULL AND decided_by <> proposed_by)),
    CHECK ((status = 'proposed') = (decided_at IS NULL)),
    CHECK ((status = 'posted') = (transaction_id IS NOT NULL))
);
CREATE INDEX adjustments_by_age ON payments.adjustments (id DESC);
SELECT payments.watch('adjustments', 'id', 'always');
