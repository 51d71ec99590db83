-- Names of keys, never keys: what they are for, and since when this platform has known them.
CREATE TABLE payments.keys_seen (
    purpose    text NOT NULL,
    key_id     text NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (purpose, key_id)
);
GRANT SELECT, INSERT ON payments.keys_seen TO payments_app;
