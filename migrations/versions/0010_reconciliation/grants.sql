GRANT SELECT, INSERT ON payments.reconciliation_files, payments.reconciliation_lines TO payments_app;
-- What was proposed never changes; only what became of it.
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at, transaction_id) ON payments.adjustments TO payments_app;
