-- The smallest UUIDv7 of a moment: its milliseconds, the version and nothing else.
CREATE FUNCTION payments.uuid7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- Creates the monthly partitions from last month to `months` ahead; runs as the owner, so the application may call it.
CREATE FUNCTION payments.ensure_partitions(months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    month  timestamptz;
    name   text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('payments.ensure_partitions'));
    FOREACH parent IN ARRAY ARRAY['payments', 'operations', 'events', 'ledger_transactions', 'postings'] LOOP
        FOR offset_months IN -1 .. least(months, 60) LOOP
            month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months)) AT TIME ZONE 'UTC';
            name := format('%s_%s', parent, to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'));
            CONTINUE WHEN to_regclass(format('payments.%I', name)) IS NOT NULL;
            -- Made apart and attached: PARTITION OF would lock the parent against every reader and writer.
            EXECUTE format('CREATE TABLE payments.%I (LIKE payments.%I INCLUDING ALL)', name, parent);
            EXECUTE format('ALTER TABLE payments.%I ATTACH PARTITION payments.%I FOR VALUES FROM (%L) TO (%L)',
                parent, name, uuid7_floor(month),
                uuid7_floor((month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'));
            IF parent IN ('postings', 'ledger_transactions') THEN
                EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change()', name);
            END IF;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
SELECT payments.ensure_partitions(12);
