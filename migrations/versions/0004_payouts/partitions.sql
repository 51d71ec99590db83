-- As before, with one table more.
CREATE OR REPLACE FUNCTION payments.ensure_partitions(months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    month  timestamptz;
    name   text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('payments.ensure_partitions'));
    FOREACH parent IN ARRAY ARRAY['payments', 'operations', 'events', 'ledger_transactions', 'postings', 'settlement_items'] LOOP
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
-- Whatever an older installation has booked before the first of these months.
DO $$ BEGIN
    EXECUTE format('CREATE TABLE payments.settlement_items_before PARTITION OF payments.settlement_items
        FOR VALUES FROM (MINVALUE) TO (%L)',
        payments.uuid7_floor((date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month') AT TIME ZONE 'UTC'));
END $$;
