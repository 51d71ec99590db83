CREATE TABLE sandbox.disputes (
    reference  text PRIMARY KEY,
    key        text NOT NULL,
    amount     bigint NOT NULL,
    currency   char(3) NOT NULL,
    reason     text NOT NULL,
    status     text NOT NULL DEFAULT 'needs_response'
               CHECK (status IN ('needs_response', 'under_review', 'won', 'lost')),
    told       text,
    respond_by timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX disputes_untold ON sandbox.disputes (created_at) WHERE told IS DISTINCT FROM status;
CREATE INDEX operations_disputed ON sandbox.operations (created_at) WHERE scenario IN ('disputed', 'disputed_not_received');
COMMENT ON COLUMN sandbox.disputes.key IS 'of the request that took the money';
COMMENT ON COLUMN sandbox.disputes.told IS 'the status that the last callback told';
