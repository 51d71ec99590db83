-- What every process looks at to see whether its rules and lists are still the newest. Changes lock this row first.
CREATE TABLE payments.fraud_state (
    singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    rules_version bigint NOT NULL DEFAULT 0,
    lists_version bigint NOT NULL DEFAULT 0,
    hits_counted  uuid NOT NULL DEFAULT payments.uuid7_floor(now())
);
INSERT INTO payments.fraud_state DEFAULT VALUES;
COMMENT ON COLUMN payments.fraud_state.hits_counted IS 'the rules that fired are counted up to this payment';

CREATE TABLE payments.fraud_rules (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    condition  text NOT NULL,
    score      smallint NOT NULL CHECK (score BETWEEN 0 AND 100),
    action     text NOT NULL DEFAULT 'score' CHECK (action IN ('score', 'review', 'decline', 'approve')),
    active     boolean NOT NULL DEFAULT true,
    shadow     boolean NOT NULL DEFAULT false,
    priority   integer NOT NULL DEFAULT 100,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);

-- Every version as it was: a receipt names the version that decided.
CREATE TABLE payments.fraud_rule_sets (
    version    bigint PRIMARY KEY,
    rules      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL
);

CREATE TABLE payments.fraud_rule_hits (
    rule_id   uuid NOT NULL REFERENCES payments.fraud_rules,
    livemode  boolean NOT NULL,
    hits      bigint NOT NULL DEFAULT 0,
    taken     bigint NOT NULL DEFAULT 0,
    confirmed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (rule_id, livemode)
);
COMMENT ON COLUMN payments.fraud_rule_hits.taken IS 'hits on payments that were not declined outright, so that the truth could come out';
COMMENT ON COLUMN payments.fraud_rule_hits.confirmed IS 'hits on payments that turned out to be fraud';

CREATE FUNCTION payments.publish_fraud_rules(author text) RETURNS bigint
    LANGUAGE sql SET search_path = payments, pg_temp AS $$
    WITH next AS (
        UPDATE fraud_state SET rules_version = rules_version + 1 RETURNING rules_version
    )
    INSERT INTO fraud_rule_sets (version, rules, created_by)
    SELECT next.rules_version, rules.all_of_them, author
      FROM next, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'id', id, 'name', name, 'condition', condition, 'score', score, 'action', action,
                   'active', active, 'shadow', shadow, 'priority', priority) ORDER BY priority, name), '[]') AS all_of_them
          FROM fraud_rules) AS rules
    RETURNING version
$$;
