ALTER TABLE payments.events ADD COLUMN version smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN payments.events.version IS 'of the schema of data; says how to read rows that an older release wrote';

-- A B-tree instead of BRIN: whoever follows the outbox reads its end all the time, and BRIN has no entry for the newest
-- pages until vacuum has seen them. Costs the writer less than a microsecond a row.
DROP INDEX payments.events_by_xact;
CREATE INDEX events_by_xact ON payments.events (xact);

-- One row per merchant and mode: how far its numbers go.
CREATE TABLE payments.event_streams (
    merchant_id   uuid NOT NULL,
    livemode      boolean NOT NULL,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (merchant_id, livemode)
);

-- Apart from the outbox: numbers are given after commit, and the outbox is never updated.
CREATE TABLE payments.event_sequence (
    merchant_id uuid NOT NULL,
    livemode    boolean NOT NULL,
    sequence    bigint NOT NULL,
    event_id    uuid NOT NULL UNIQUE,
    PRIMARY KEY (merchant_id, livemode, sequence)
);
COMMENT ON COLUMN payments.event_sequence.sequence IS 'the cursor of every reader; numbers of one merchant and mode have no gaps';

-- Events of transactions below this number have their place.
CREATE TABLE payments.event_watermark (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    xact      bigint NOT NULL
);
INSERT INTO payments.event_watermark (xact) VALUES (0);

-- Drops the monthly partitions of events that end before a moment; runs as the owner, so the application may call it.
CREATE FUNCTION payments.drop_events_before(moment timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    name    text;
    dropped integer := 0;
BEGIN
    IF moment > now() - interval '31 days' THEN
        RAISE EXCEPTION 'events of the last 31 days are kept: they hold the replies that idempotency keys repeat';
    END IF;
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'payments.events'::regclass AND c.relname ~ '^events_\d{4}_\d{2}$'
           AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= moment
         ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE payments.%I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
