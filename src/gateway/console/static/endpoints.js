// Everything the console asks of the API, in one list. A test compares it with the published OpenAPI document: that each
// route takes these parameters, answers these fields, and lets in these roles. None asks for an Idempotency-Key.
//
// In `reads` a dot leads into an object and [] into each entry of a list; `query` and `body` name what may be sent.

const EVERYBODY = ["admin", "operations", "risk", "support", "read_only"];
const PAGE = ["limit", "starting_after"];

const PAYMENT = [
  "id", "merchant", "livemode", "status", "amount", "currency", "amount_authorized", "amount_captured",
  "amount_refunded", "amount_disputed", "capture_method", "payment_method", "card.brand", "card.last4",
  "card.exp_month", "card.exp_year", "card.fingerprint", "reference", "description", "metadata",
  "statement_descriptor", "customer_ip", "device_id", "card_country", "decline.code", "decline.message",
  "decline.retryable", "settlement.currency", "settlement.rate", "settlement.gross", "settlement.spread",
  "settlement.fee", "settlement.refunded", "settlement.disputed", "settlement.net", "decision", "acquirer",
  "expires_at", "created_at", "updated_at",
];
const CIRCUIT = ["name", "upstream", "state", "forced", "rejected", "shared"];
const PAUSE = ["kind", "subject", "reason", "created_by", "created_at"];
const ALERT = [
  "id", "livemode", "merchant", "kind", "date", "severity", "details", "opened_at", "resolved_at", "resolved_by",
  "resolution",
];
const REVIEW = [
  "id", "merchant", "livemode", "amount", "currency", "score", "card", "customer_ip", "device_id", "decision",
  "expires_at", "created_at",
];
const AUDIT = [
  "id", "sequence", "recorded_at", "actor", "roles", "address", "request_id", "route", "action", "changed", "target",
  "before", "after",
];

function list(fields) {
  return ["has_more", ...fields.map((field) => `data[].${field}`)];
}

export const ENDPOINTS = {
  ready: { route: "GET /health/ready", roles: EVERYBODY, reads: ["status"] },
  stats: {
    route: "GET /v1/admin/stats",
    roles: ["admin", "operations", "support", "read_only"],
    reads: ["replica", "under_way", "streams", "shed", "limited", "limits.shared", "limits.counted_alone"],
  },
  listCircuits: {
    route: "GET /v1/admin/circuit_breakers",
    roles: ["admin", "operations", "support", "read_only"],
    reads: list(CIRCUIT),
  },
  setCircuit: {
    route: "PUT /v1/admin/circuit_breakers/{name}",
    roles: ["admin", "operations"],
    body: ["state"],
    reads: CIRCUIT,
  },
  listPauses: { route: "GET /v1/admin/pauses", roles: EVERYBODY, reads: list(PAUSE) },
  pause: {
    route: "PUT /v1/admin/pauses/{kind}/{subject}",
    roles: ["admin", "operations", "risk"],
    body: ["reason"],
    reads: PAUSE,
  },
  resume: { route: "DELETE /v1/admin/pauses/{kind}/{subject}", roles: ["admin", "operations", "risk"], reads: PAUSE },
  listAlerts: {
    route: "GET /v1/risk/alerts",
    roles: ["admin", "operations", "risk", "read_only"],
    query: [...PAGE, "open"],
    reads: list(ALERT),
  },
  resolveAlert: { route: "POST /v1/risk/alerts/{alert}/resolve", roles: ["admin", "risk"], body: ["reason"], reads: ALERT },
  listReviews: {
    route: "GET /v1/fraud/reviews",
    roles: ["admin", "risk"],
    query: [...PAGE, "livemode"],
    reads: list(REVIEW),
  },
  approveReview: {
    route: "POST /v1/fraud/reviews/{payment}/approve",
    roles: ["admin", "risk"],
    body: ["reason"],
    reads: PAYMENT,
  },
  declineReview: {
    route: "POST /v1/fraud/reviews/{payment}/decline",
    roles: ["admin", "risk"],
    body: ["reason"],
    reads: PAYMENT,
  },
  listPayments: {
    route: "GET /v1/payments",
    roles: EVERYBODY,
    query: [...PAGE, "livemode", "merchant", "status", "reference", "currency", "created_from", "created_until"],
    reads: list(PAYMENT),
  },
  getPayment: { route: "GET /v1/payments/{payment}", roles: EVERYBODY, reads: PAYMENT },
  getTimeline: {
    route: "GET /v1/payments/{payment}/timeline",
    roles: EVERYBODY,
    reads: ["at", "from", "to", "cause", "operation", "amount", "answer"].map((field) => `data[].${field}`),
  },
  listLedger: {
    route: "GET /v1/ledger/transactions",
    roles: EVERYBODY,
    query: [...PAGE, "payment"],
    reads: list(["id", "kind", "operation", "created_at", "postings[].account", "postings[].currency", "postings[].amount"]),
  },
  listMerchants: { route: "GET /v1/merchants", roles: EVERYBODY, query: PAGE, reads: list(["id", "name"]) },
  listAudit: {
    route: "GET /v1/admin/audit",
    roles: ["admin", "read_only"],
    query: [...PAGE, "actor", "target"],
    reads: list(AUDIT),
  },
};
