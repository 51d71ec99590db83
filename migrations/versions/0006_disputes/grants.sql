GRANT SELECT, INSERT, UPDATE ON payments.disputes, sandbox.disputes TO payments_app;
