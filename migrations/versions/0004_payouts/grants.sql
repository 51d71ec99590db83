GRANT SELECT, INSERT, UPDATE ON payments.maturities, payments.payouts, payments.settlement_watermark TO payments_app;
-- Who is owed what never changes; only when it matured is written later.
GRANT SELECT, INSERT, UPDATE (maturity_id) ON payments.settlement_items TO payments_app;
REVOKE EXECUTE ON FUNCTION payments.matures_at(timestamptz, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.matures_at(timestamptz, text, integer) TO payments_app;
