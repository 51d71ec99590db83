-- What acquirers were asked, and what they said: the steps of recovery in a payment's timeline. A table of its own, because
-- most look-ups change nothing, and a payment's row is wide. Append-only: the application may neither change nor delete.
CREATE TABLE payments.lookup_steps (
    payment_id   uuid NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    operation    text,
    status       text NOT NULL,
    answer       text NOT NULL,
    after        integer NOT NULL,
    answered_at  timestamptz NOT NULL,
    PRIMARY KEY (payment_id, id)
);
COMMENT ON COLUMN payments.lookup_steps.operation IS 'public id of the capture, void or refund that was asked about; null for the payment itself';
COMMENT ON COLUMN payments.lookup_steps.status IS 'of the payment at that time';
COMMENT ON COLUMN payments.lookup_steps.after IS 'how many steps payments.timeline had by then: its place among them, whatever the clocks say';
GRANT SELECT, INSERT ON payments.lookup_steps TO payments_app;
