CREATE SCHEMA vault;

CREATE TABLE vault.payment_methods (
    id                 uuid PRIMARY KEY,
    merchant_id        uuid NOT NULL REFERENCES payments.merchants,
    livemode           boolean NOT NULL,
    brand              text NOT NULL,
    last4              char(4) NOT NULL,
    bin                char(6) NOT NULL,
    exp_month          smallint NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year           smallint NOT NULL CHECK (exp_year BETWEEN 2000 AND 2200),
    cardholder_name    text,
    fingerprint        text NOT NULL,
    fingerprint_key_id text NOT NULL,
    test_scenario      text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz
);
CREATE INDEX payment_methods_by_merchant ON vault.payment_methods (merchant_id, livemode, id DESC);

CREATE TABLE vault.cards (
    payment_method_id uuid PRIMARY KEY REFERENCES vault.payment_methods,
    merchant_id       uuid NOT NULL,
    key_id            text NOT NULL,
    wrapped_key       bytea NOT NULL,
    nonce             bytea NOT NULL,
    ciphertext        bytea NOT NULL,
    encrypted_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cards_by_key ON vault.cards (key_id, payment_method_id);
COMMENT ON TABLE vault.cards IS 'The only place with card numbers: AES-256-GCM under a data key of their own, wrapped by key_id';

-- The sandbox acquirer's own books. The platform learns from them only by calling it, as from any acquirer.
CREATE SCHEMA sandbox;

CREATE TABLE sandbox.operations (
    key              text PRIMARY KEY,
    kind             text NOT NULL,
    reference        text NOT NULL,
    parent_reference text,
    amount           bigint NOT NULL,
    currency         char(3) NOT NULL,
    outcome          text NOT NULL CHECK (outcome IN ('approved', 'declined', 'pending')),
    decline_code     text,
    scenario         text NOT NULL,
    callbacks        integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now()
);
