GRANT SELECT, INSERT, UPDATE ON payments.event_streams, payments.event_watermark TO payments_app;
GRANT SELECT, INSERT, DELETE ON payments.event_sequence TO payments_app;
GRANT INSERT (version) ON payments.events TO payments_app;
REVOKE EXECUTE ON FUNCTION payments.drop_events_before(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.drop_events_before(timestamptz) TO payments_app;
