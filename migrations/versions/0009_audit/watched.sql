SELECT payments.watch('merchants', 'id', 'always');
SELECT payments.watch('api_keys', 'id', 'always', 'hash', 'hash_key_id');
SELECT payments.watch('pauses', 'target', 'always');
SELECT payments.watch('fraud_rules', 'id', 'always');
SELECT payments.watch('fraud_list_entries', 'id', 'people');
SELECT payments.watch('fraud_reports', 'payment_id', 'people');
SELECT payments.watch('risk_limits', 'merchant_id', 'always');
SELECT payments.watch('risk_alerts', 'id', 'people');
SELECT payments.watch('fx_rates', 'id', 'people');
