CREATE TABLE payments.acquirer_routes (
    merchant_id uuid NOT NULL REFERENCES payments.merchants,
    livemode    boolean NOT NULL,
    currency    text NOT NULL,
    acquirers   text[] NOT NULL CHECK (cardinality(acquirers) BETWEEN 1 AND 8),
    updated_by  text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, livemode, currency)
);
COMMENT ON COLUMN payments.acquirer_routes.currency IS 'an ISO 4217 code, or * for every currency that has no row';
COMMENT ON COLUMN payments.acquirer_routes.acquirers IS 'in the order in which they are tried';
GRANT SELECT, INSERT, DELETE ON payments.acquirer_routes TO payments_app;
