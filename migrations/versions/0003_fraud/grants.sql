GRANT SELECT, UPDATE ON payments.fraud_state TO payments_app;
GRANT SELECT, INSERT, UPDATE ON payments.fraud_rules, payments.fraud_rule_hits, payments.fraud_list_entries TO payments_app;
GRANT SELECT, INSERT ON payments.fraud_rule_sets, payments.fraud_reports TO payments_app;
REVOKE EXECUTE ON FUNCTION payments.publish_fraud_rules(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.publish_fraud_rules(text) TO payments_app;
