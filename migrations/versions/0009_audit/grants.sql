GRANT SELECT ON payments.audit_log TO payments_app;
GRANT SELECT, INSERT, DELETE ON payments.pauses TO payments_app;
REVOKE EXECUTE ON FUNCTION payments.audit(text, text, text, jsonb, jsonb), payments.watch(text, text, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.audit(text, text, text, jsonb, jsonb) TO payments_app;
