-- Who did what: one entry per change, written in the commit of the change. Each entry's hash covers the one before it,
-- so nothing can be changed or taken out of the middle unnoticed: `payments audit verify`.
CREATE TABLE payments.audit_log (
    seq         bigint PRIMARY KEY CHECK (seq > 0),
    recorded_at timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    object      text NOT NULL,
    target      text NOT NULL,
    entry       text NOT NULL,
    previous    bytea NOT NULL,
    hash        bytea NOT NULL
);
CREATE INDEX audit_log_by_actor ON payments.audit_log (actor, seq);
CREATE INDEX audit_log_by_target ON payments.audit_log (target, seq);
COMMENT ON COLUMN payments.audit_log.seq IS 'without gaps, in the order of commits';
COMMENT ON COLUMN payments.audit_log.entry IS 'all of it as JSON, exactly as it was hashed; the columns beside it are for searching';
COMMENT ON COLUMN payments.audit_log.hash IS 'sha256(previous || entry)';

CREATE FUNCTION payments.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: the audit log is history', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.audit_log
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_audit_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON payments.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_audit_change();

-- Appends one entry. Who it was is in the setting payments.actor of the transaction; without one it was the database role.
CREATE FUNCTION payments.audit(action text, object text, target text, before jsonb, after jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who jsonb := coalesce(nullif(current_setting('payments.actor', true), '')::jsonb,
                          jsonb_build_object('actor', session_user, 'kind', 'database_role'));
    last record;
    number bigint;
    moment timestamptz;
    content text;
BEGIN
    -- One at a time, until the transaction ends: the next entry needs the hash of this one, and must be able to see it.
    PERFORM pg_advisory_xact_lock(7143262001);
    SELECT seq, hash INTO last FROM payments.audit_log ORDER BY seq DESC LIMIT 1;
    number := coalesce(last.seq, 0) + 1;
    moment := clock_timestamp();
    content := (who || jsonb_build_object(
        'seq', number,
        'recorded_at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'action', action, 'object', object, 'target', target, 'before', before, 'after', after
    ))::text;
    INSERT INTO payments.audit_log (seq, recorded_at, actor, action, object, target, entry, previous, hash)
    VALUES (number, moment, who ->> 'actor', action, object, target, content, coalesce(last.hash, ''),
            sha256(coalesce(last.hash, '') || convert_to(content, 'UTF8')));
    RETURN number;
END $$;

-- Writes down a change of a row. Arguments: the column that names the row; 'always' or, where the platform itself changes
-- rows as well, 'people'; then the columns that are left out because they are secret.
CREATE FUNCTION payments.audit_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hidden text[] := coalesce(TG_ARGV[2:], '{}');
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
BEGIN
    IF TG_ARGV[1] = 'people' AND coalesce(current_setting('payments.actor', true), '') = '' THEN
        RETURN NULL;
    END IF;
    IF before IS DISTINCT FROM after THEN
        PERFORM payments.audit(lower(TG_OP), TG_TABLE_NAME::text, coalesce(after, before) ->> TG_ARGV[0], before, after);
    END IF;
    RETURN NULL;
END $$;

-- Puts a table under watch: SELECT payments.watch('merchants', 'id', 'always', 'secret_column'). At the end of the
-- transaction, so that the log is locked for as short as can be.
CREATE FUNCTION payments.watch(watched text, named_by text, whose text, VARIADIC hidden text[] DEFAULT '{}') RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON payments.%I DEFERRABLE INITIALLY DEFERRED '
        'FOR EACH ROW EXECUTE FUNCTION payments.audit_row(%s)',
        watched, (SELECT string_agg(quote_literal(word), ', ') FROM unnest(ARRAY[named_by, whose] || hidden) AS word));
END $$;
