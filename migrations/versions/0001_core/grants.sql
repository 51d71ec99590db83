-- The application owns nothing and may do only what it does. No grant on a partition: rows enter through the parents,
-- where the ledger's checks are.
GRANT USAGE ON SCHEMA payments, vault, sandbox TO payments_app;
GRANT SELECT, INSERT, UPDATE ON payments.merchants, payments.api_keys TO payments_app;
GRANT SELECT, INSERT, UPDATE ON vault.payment_methods TO payments_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.cards TO payments_app;
GRANT SELECT, INSERT, UPDATE ON sandbox.operations TO payments_app;
GRANT SELECT, INSERT, UPDATE ON payments.payments, payments.operations TO payments_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payments.idempotency_keys TO payments_app;
-- Not xact: the number of the writing transaction is never chosen.
GRANT SELECT, INSERT (id, merchant_id, livemode, type, object_id, data, created_at) ON payments.events TO payments_app;
GRANT SELECT, INSERT ON payments.ledger_accounts, payments.ledger_transactions TO payments_app;
GRANT SELECT, INSERT (transaction_id, line, account_id, currency, amount) ON payments.postings TO payments_app;
GRANT SELECT, INSERT, UPDATE ON payments.ledger_balances, payments.ledger_watermark TO payments_app;
GRANT SELECT, INSERT, UPDATE ON payments.risk_limits, payments.merchant_days, payments.risk_alerts TO payments_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA payments FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.ensure_partitions(integer), payments.uuid7_floor(timestamptz),
    payments.current_xact(), payments.oldest_running_xact() TO payments_app;
