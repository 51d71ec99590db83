-- Null for all but the sampled requests, which costs a row nothing but its place among the nulls.
ALTER TABLE payments.events ADD COLUMN traceparent text;
COMMENT ON COLUMN payments.events.traceparent IS 'W3C trace context of the request that caused it, where that was sampled';
GRANT INSERT (traceparent) ON payments.events TO payments_app;
