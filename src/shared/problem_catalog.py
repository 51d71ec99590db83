"""Every problem that a client can meet, once: the OpenAPI document and the table in the docs are made from it.

What raises a problem names its status and code; a test finds those that have no line here.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

from shared.problems import MEDIA_TYPE, Problem


class Entry(NamedTuple):
    """One kind of problem: what it means, and what whoever gets it does next. Markdown, in a table's cell."""

    status: int
    code: str
    meaning: str
    advice: str


CATALOG = (
    Entry(400, "malformed_json", "the body is not JSON; `NaN` and endless nesting are not", "fix the client"),
    Entry(400, "invalid_request", "not a request this server reads, for example a protocol upgrade", "fix the client"),
    Entry(400, "idempotency_key_missing", "the route needs an `Idempotency-Key`", "send one"),
    Entry(
        400,
        "idempotency_key_invalid",
        "repeated, empty, too long, not ASCII, or like a card number",
        "send one proper key",
    ),
    Entry(
        400,
        "invalid_callback",
        "an acquirer's callback whose signature does not fit, or that cannot be read",
        "check the webhook's secret",
    ),
    Entry(401, "unauthenticated", "no credential, or one that is mistyped, revoked or expired", "check the key"),
    Entry(
        403,
        "forbidden",
        "the key lacks the scope, or the person the role; `detail` names it",
        "use another key, or have the role granted",
    ),
    Entry(403, "four_eyes", "you proposed this adjustment yourself", "have somebody else approve it"),
    Entry(
        403,
        "paused",
        "the merchant, the acquirer or the mode is paused by the platform; nothing was done",
        "try again later, or ask why",
    ),
    Entry(
        404,
        "not_found",
        "no such object for this key and mode, or no such path",
        "check the id, the mode and the path",
    ),
    Entry(405, "method_not_allowed", "the path does not take this method", "see `Allow`"),
    Entry(408, "request_timeout", "the body did not arrive within ten seconds", "repeat the request"),
    Entry(
        409,
        "payment_state",
        "the payment is in a state that does not allow this, or another operation on it is unanswered "
        "(`retryable: true`)",
        "read the payment; wait if it is retryable",
    ),
    Entry(409, "endpoint_disabled", "the webhook endpoint is disabled", "enable it first"),
    Entry(409, "authorization_expired", "the authorization's time is over", "make a new payment"),
    Entry(
        409,
        "idempotency_key_in_use",
        "the first request with this key waits for the acquirer",
        "repeat after `Retry-After`, same key",
    ),
    Entry(409, "fx_quote_used", "the quote belongs to another payment", "get a new quote"),
    Entry(409, "fx_quote_expired", "the quote's time is over", "get a new one, or pay without"),
    Entry(
        409,
        "dispute_state",
        "the dispute waits for no response: it was answered, won or lost",
        "read the dispute",
    ),
    Entry(409, "adjustment_state", "the adjustment was posted or rejected already", "read it"),
    Entry(413, "body_too_large", "more than 1,000,000 bytes", "send less"),
    Entry(
        415,
        "unsupported_media_type",
        "the body is not declared as JSON",
        "send `Content-Type: application/json`",
    ),
    Entry(422, "validation_failed", "a field or query parameter is not right", "see `errors`"),
    Entry(
        422,
        "amount_too_large",
        "more than is left to capture or refund, or more than can be settled",
        "`detail` says how much is left",
    ),
    Entry(
        422,
        "amount_too_small",
        "comes to less than one minor unit of the settlement currency",
        "charge more",
    ),
    Entry(
        422,
        "idempotency_key_reused",
        "the key belongs to a request with another body",
        "use a fresh key for a new request",
    ),
    Entry(422, "limit_exceeded", "the refund exceeds the merchant's refund ratio", "talk to the risk team"),
    Entry(422, "no_acquirer", "no acquirer serves this mode", "use a test key"),
    Entry(
        422,
        "rate_missing",
        "no exchange rate leads to the settlement currency",
        "pay in it, or have a rate recorded",
    ),
    Entry(422, "too_many_endpoints", "the merchant has 16 webhook endpoints in this mode", "delete one"),
    Entry(422, "nothing_to_pay_out", "nothing is available, or you owe", "wait until money matures"),
    Entry(422, "no_payout_rail", "no payout rail serves this mode", "use a test key"),
    Entry(422, "rate_stale", "every such rate is too old", "have a newer one recorded, then repeat"),
    Entry(
        429,
        "rate_limited",
        "more than the quota allows; `RateLimit` tells how much is left",
        "wait for `Retry-After`, then repeat",
    ),
    Entry(
        429,
        "too_many_streams",
        "the merchant has too many live streams open",
        "close one, or try again after `Retry-After`",
    ),
    Entry(431, "headers_too_large", "the head of the request is larger than 32 kB", "send fewer or shorter headers"),
    Entry(500, "internal", "a defect of ours", "repeat with the same key; quote the `request_id`"),
    Entry(
        502,
        "bad_gateway",
        "the answer was lost between the services",
        "look at `effect`; repeat with the same key",
    ),
    Entry(
        503,
        "unavailable",
        "payments or its database cannot be reached",
        "look at `effect`; repeat after `Retry-After`, same key",
    ),
    Entry(
        503,
        "overloaded",
        "the gateway has as much under way as it takes; nothing was done",
        "repeat after `Retry-After`",
    ),
    Entry(
        503,
        "circuit_open",
        "what is behind this route is failing and is left alone for a moment; nothing was done",
        "repeat after `Retry-After`",
    ),
    Entry(503, "vault_keys_unavailable", "the vault cannot reach its keys", "repeat later"),
    Entry(
        503,
        "no_acquirer",
        "the acquirer of this payment is not configured at the moment",
        "repeat later",
    ),
    Entry(504, "timeout", "payments did not answer in time", "look at `effect`; repeat with the same key"),
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What every error of the platform looks like (RFC 9457). Decide by `code`; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "effect", "retryable"],
    "properties": {
        "type": {"type": "string", "description": "URN of the error, stable"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what to do about it"},
        "instance": {"type": "string", "description": "path of the request"},
        "code": {"type": "string", "description": "machine-readable name of the error, stable"},
        "request_id": {"type": ["string", "null"]},
        "effect": {"enum": ["none", "unknown"], "description": "whether money may have moved"},
        "retryable": {"type": "boolean", "description": "whether the same request may succeed later"},
        "errors": {
            "type": "array",
            "description": "what is wrong with which field or query parameter",
            "items": {
                "type": "object",
                "required": ["detail", "pointer"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "RFC 6901", "examples": ["/amount"]},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}

_HEADERS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_HEADER_TEXTS = {
    "RateLimit": ("string", "what is left of which quota, and in how many seconds it is renewed"),
    "RateLimit-Policy": ("string", "the quotas that apply: so much in so many seconds"),
    "Retry-After": ("integer", "seconds after which the same request is worth repeating; not on every such answer"),
    "WWW-Authenticate": ("string", "`Bearer`"),
    "X-Request-Id": ("string", "quote it to support; also in the logs"),
}


def components() -> dict[str, Any]:
    """Return the OpenAPI components that all operations share: the shape, the responses, their headers."""
    return {
        "schemas": {"Problem": SCHEMA},
        "responses": {_name(status): dict(_response(status)) for status in sorted({each.status for each in CATALOG})},
        "headers": {
            name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in _HEADER_TEXTS.items()
        },
    }


def reference(status: int) -> dict[str, str]:
    """Return the OpenAPI entry of an operation that may answer with problems of one status."""
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())


def _response(status: int) -> Iterator[tuple[str, Any]]:
    entries = [each for each in CATALOG if each.status == status]
    yield "description", "\n".join(f"- `{each.code}`: {each.meaning} → {each.advice}" for each in entries)
    names = ("X-Request-Id", *_HEADERS.get(status, ()))
    yield "headers", {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    examples = {each.code: {"summary": each.meaning, "value": _example(each)} for each in entries}
    yield "content", {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}


def _example(entry: Entry) -> dict[str, Any]:
    detail = f"{entry.meaning[:1].upper()}{entry.meaning[1:]}."
    return Problem(entry.status, entry.code, detail).document("/v1/payments", "req_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b")
