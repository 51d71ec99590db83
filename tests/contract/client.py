"""Who plays the scenarios: callers of the platform whose every request and answer is written down.

What differs from run to run by its nature (ids, times, secrets, hashes, how much of a rate limit is left) is replaced
by a name in the order of first appearance, so that two transcripts of the same scenario are equal where it matters.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

VISA = "4242424242424242"
# Nobody is held back for looking like the fraud that a test suite would be.
UNSUSPICIOUS = {"review_threshold": 101, "decline_threshold": 101, "fallback_policy": "approve"}
BOOKSHOP = {
    "name": "Harbor Books",
    "country": "US",
    "category_code": "5942",
    "settlement_currency": "USD",
    "fee": {"basis_points": 290, "fixed": 30},
    "fraud": UNSUSPICIOUS,
}

_SHOWN_HEADERS = (
    "allow",
    "cache-control",
    "content-type",
    "idempotent-replayed",
    "location",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
)
_VARYING = re.compile(
    r"(?P<id>\b(?:[a-z]{2,5})_[0-9a-f]{32}\b)"
    r"|(?P<secret>\b(?:sk_(?:test|live)|whsec)_[A-Za-z0-9_+/=-]{4,}…?)"
    r"|(?P<time>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
    r"|(?P<day>\b20\d\d-\d\d-\d\d\b)"
    r"|(?P<hash>\b[0-9a-f]{40,}\b)"
)


@dataclass(frozen=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Place(Protocol):
    """Where the platform runs."""

    name: str
    admin_token: str

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


@dataclass
class Caller:
    """Somebody with a credential, or without."""

    client: "Client"
    name: str
    credential: str | None
    id: str = ""
    keys: int = 0

    def get(self, target: str, **headers: str) -> Answer:
        return self.send("GET", target, headers=headers)

    def post(self, target: str, body: Any = None, *, key: str | None = "", **headers: str) -> Answer:
        """Post JSON, under a fresh idempotency key unless the scenario names one, or none."""
        if key == "":
            self.keys += 1
            key = f"{self.name}-{self.keys}"
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.send("POST", target, {} if body is None else body, headers=headers)

    def send(
        self, method: str, target: str, body: Any = None, *, raw: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.credential is not None:
            sent.setdefault("Authorization", f"Bearer {self.credential}")
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if content:
            sent.setdefault("Content-Type", "application/json")
        return self.client.exchange(self.name, method, target, sent, content)

    def card(self, number: str = VISA) -> str:
        body = {
            "number": number,
            "exp_month": 12,
            "exp_year": 2040,
            "cvc": "1234" if number[:2] in ("34", "37") else "123",
        }
        token: str = self.post("/v1/payment_methods", body, key=None).json["id"]
        return token

    def pay(self, number: str = VISA, **terms: Any) -> dict[str, Any]:
        """Pay 25.00 USD unless told."""
        body = {"amount": 2500, "currency": "USD", "payment_method": self.card(number), **terms}
        payment: dict[str, Any] = self.post("/v1/payments", body).json
        return payment


@dataclass
class Client:
    """The callers of one scenario, and its transcript."""

    place: Place
    transcript: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def admin(self) -> Caller:
        return Caller(self, "admin", self.place.admin_token)

    @property
    def nobody(self) -> Caller:
        return Caller(self, "nobody", None)

    def merchant(self, *, livemode: bool = False, scopes: list[str] | None = None, **terms: Any) -> Caller:
        """Take a merchant on, and call as its server."""
        made = self.admin.post("/v1/merchants", {**BOOKSHOP, **terms}, key=None).json
        return self.with_key(made["id"], livemode=livemode, scopes=scopes)

    def with_key(self, merchant: str, *, livemode: bool = False, scopes: list[str] | None = None) -> Caller:
        """Call as a merchant's server, with a key of its own."""
        body: dict[str, Any] = {"name": "a key", "livemode": livemode}
        if scopes is not None:
            body["scopes"] = scopes
        key = self.admin.post(f"/v1/merchants/{merchant}/api_keys", body, key=None).json
        return Caller(self, "merchant", key["secret"], id=merchant)

    def exchange(self, who: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = self.place.send(method, target, headers, body)
        shown = {name: answer.headers[name] for name in _SHOWN_HEADERS if name in answer.headers}
        text = answer.body.decode(errors="backslashreplace")
        if "json" in answer.headers.get("content-type", ""):
            text = json.dumps(json.loads(text), ensure_ascii=False)
        sent = body[:2000].decode(errors="backslashreplace")
        line = f"{who}: {method} {target} {sent}\n  {answer.status} {shown}\n  {text}"
        self.transcript.append(_VARYING.sub(self._named, line))
        return answer

    def _named(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        if kind in ("time", "day"):
            return f"<{kind}>"
        text = found[0]
        known = self._names.get(text)
        if known is None:
            prefix = text.split("_")[0] if kind == "id" else kind
            known = self._names[text] = f"<{prefix} {len(self._names) + 1}>"
        return known
