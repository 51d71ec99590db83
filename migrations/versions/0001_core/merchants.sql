CREATE TABLE payments.merchants (
    id                  uuid PRIMARY KEY,
    name                text NOT NULL,
    country             char(2) NOT NULL,
    category_code       char(4) NOT NULL,
    settlement_currency char(3) NOT NULL,
    fee_basis_points    integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    fee_fixed           bigint NOT NULL CHECK (fee_fixed >= 0),
    risk_level          text NOT NULL CHECK (risk_level IN ('low', 'normal', 'high')),
    time_zone           text NOT NULL DEFAULT 'UTC',
    fx_spread_basis_points integer NOT NULL DEFAULT 100 CHECK (fx_spread_basis_points BETWEEN 0 AND 9999),
    review_threshold    smallint NOT NULL DEFAULT 50 CHECK (review_threshold BETWEEN 0 AND 101),
    decline_threshold   smallint NOT NULL DEFAULT 80 CHECK (decline_threshold BETWEEN 0 AND 101),
    fallback_policy     text NOT NULL DEFAULT 'review' CHECK (fallback_policy IN ('approve', 'review', 'decline')),
    review_hours        integer NOT NULL DEFAULT 24 CHECK (review_hours BETWEEN 1 AND 168),
    review_timeout_action text NOT NULL DEFAULT 'decline' CHECK (review_timeout_action IN ('approve', 'decline')),
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN payments.merchants.fee_fixed IS 'minor units of the settlement currency, per captured payment';

CREATE TABLE payments.api_keys (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES payments.merchants,
    livemode    boolean NOT NULL,
    name        text NOT NULL,
    prefix      text NOT NULL,
    hash_key_id text NOT NULL,
    hash        bytea NOT NULL UNIQUE,
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_keys_by_merchant ON payments.api_keys (merchant_id, id DESC);
COMMENT ON COLUMN payments.api_keys.hash IS 'HMAC-SHA256 of the whole key under the key ring entry hash_key_id';
