GRANT SELECT, INSERT, UPDATE ON payments.webhook_endpoints, payments.webhook_secrets TO payments_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payments.webhook_deliveries TO payments_app;
GRANT DELETE ON payments.webhook_secrets TO payments_app;
GRANT SELECT, INSERT ON payments.webhook_attempts TO payments_app;
