-- A quote can be used, and thrown away when nobody did; its rate can never be changed.
GRANT SELECT, INSERT ON payments.fx_rates TO payments_app;
GRANT SELECT, INSERT, DELETE, UPDATE (consumed_by, consumed_at) ON payments.fx_quotes TO payments_app;
REVOKE EXECUTE ON FUNCTION payments.refuse_rate_change() FROM PUBLIC;
