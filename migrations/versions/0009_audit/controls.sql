-- What is paused: nothing that takes or gives back money begins there. A row per pause; it is deleted to resume.
CREATE TABLE payments.pauses (
    kind       text NOT NULL CHECK (kind IN ('merchant', 'acquirer', 'mode')),
    subject    text NOT NULL,
    reason     text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    target     text GENERATED ALWAYS AS (kind || ' ' || subject) STORED,
    PRIMARY KEY (kind, subject)
);

-- How much a merchant's keys may send, where that is not what the gateway gives everybody: '500/5' is 500 in 5 seconds.
ALTER TABLE payments.merchants ADD COLUMN write_limit text CHECK (write_limit ~ '^[1-9][0-9]{0,6}/[1-9][0-9]{0,3}$');
ALTER TABLE payments.merchants ADD COLUMN read_limit text CHECK (read_limit ~ '^[1-9][0-9]{0,6}/[1-9][0-9]{0,3}$');
