-- What was asked about without an answer that ends it. A table of its own, so that the hot ones stay as they are.
CREATE TABLE payments.lookups (
    subject_id  uuid PRIMARY KEY,
    attempts    integer NOT NULL CHECK (attempts > 0),
    answer      text NOT NULL,
    next_at     timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lookups_by_time ON payments.lookups (next_at);
COMMENT ON COLUMN payments.lookups.subject_id IS 'a payment, or an operation of one';
COMMENT ON COLUMN payments.lookups.answer IS 'what the acquirer said last';
GRANT SELECT, INSERT, UPDATE, DELETE ON payments.lookups TO payments_app;
