"""A platform that has one of everything, so that requests made up from the API's description meet real objects."""

import re
from typing import Any, NamedTuple
from zlib import crc32

from schemathesis.generation.case import Case

from payments.devtools.client import Client
from payments.devtools.state import State

_ID = re.compile("([a-z]{2,4})_[0-9a-f]{32}")
# Whose ids a path parameter takes; `id` means something else on each path.
_PREFIXES = {
    "payment": "pay",
    "refund": "ref",
    "quote": "fxq",
    "merchant": "mer",
    "key_id": "key",
    "rule": "rule",
    "entry": "lst",
    "/v1/payment_methods": "pm",
    "/v1/merchants": "mer",
}


class World(NamedTuple):
    """Who calls, and what there is: ids by prefix."""

    merchant: str
    admin: str
    ids: dict[str, list[str]]

    def token(self, case: Case) -> str:
        """Return the credential of somebody who may."""
        ways = [name for way in case.operation.definition.raw.get("security", ()) for name in way]
        return self.admin if ways == ["person"] else self.merchant

    def prepare(self, case: Case) -> Case:
        """Let about every other id in a valid request be one that exists; what is wrong on purpose stays wrong."""
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return case
        if "starting_after" in case.query:
            case.query.pop("ending_before", None)  # a schema cannot say that they exclude each other
        if case.method == "DELETE":
            return case
        for name, value in case.path_parameters.items():
            prefix = _PREFIXES.get(name) or _PREFIXES.get(case.path.partition("/{")[0])
            case.path_parameters[name] = self._real(prefix, str(value))
        case.body = _whole(case.body)
        for container in (case.query, case.body):
            if isinstance(container, dict):
                for name, value in container.items():
                    found = _ID.fullmatch(value) if isinstance(value, str) else None
                    if found:
                        container[name] = self._real(found[1], str(value))
        return case

    def _real(self, prefix: str | None, value: str) -> str:
        known, draw = self.ids.get(prefix or "", []), crc32(value.encode())
        return known[draw // 2 % len(known)] if known and draw % 2 else value


def _whole(value: Any) -> Any:
    """Return whole numbers as such: in a schema 1.0 is one, here it is refused."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def build(state: State) -> World:
    """Make the objects, over the API like anybody else."""
    with Client(state.gateway_url, state.api_key) as shop, Client(state.gateway_url, state.admin_token) as people:

        def make(path: str, body: dict[str, Any], by: Client = shop) -> str:
            answer = by.post(path, body)
            assert answer.status in (200, 201), answer.body
            return str(answer.body["id"])

        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        cards = [make("/v1/payment_methods", card) for _ in range(3)]
        payment = {"amount": 5000, "currency": "USD", "payment_method": cards[0]}
        held = [make("/v1/payments", payment | {"capture_method": "manual"}) for _ in range(3)]
        captured = [make("/v1/payments", payment) for _ in range(3)]
        refund = make(f"/v1/payments/{captured[0]}/refunds", {"amount": 100})
        quotes = [make("/v1/fx/quotes", {"from_currency": currency}) for currency in ("EUR", "GBP", "JPY")]
        merchant = make(
            "/v1/merchants",
            {
                "name": "Contract",
                "country": "DE",
                "category_code": "5942",
                "settlement_currency": "EUR",
                "fee": {"basis_points": 0, "fixed": 0},
            },
            people,
        )
        rule = {"name": "contract", "condition": "payment.amount > 900000000000", "score": 1, "shadow": True}
        entry = {"list": "block", "kind": "country", "value": "KP"}
        ids = {
            "pm": cards,
            "pay": [*held, *captured],
            "ref": [refund],
            "fxq": quotes,
            "mer": [merchant],
            "key": [make(f"/v1/merchants/{merchant}/api_keys", {"name": "k", "livemode": False}, people)],
            "rule": [make("/v1/fraud/rules", rule, people)],
            "lst": [make("/v1/fraud/lists", entry, people)],
        }
    return World(state.api_key, state.admin_token, ids)
