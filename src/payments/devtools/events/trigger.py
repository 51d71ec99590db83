"""Causes events in test mode by doing what they tell of: nothing about them is made up."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from payments.devtools.client import Answer, Client, Json
from payments.devtools.errors import ServiceError, ToolError
from payments.devtools.events.target import Target

_APPROVES, _DECLINES, _LOST = "4242424242424242", "4000000000000002", "4000009000000011"
_REFUND_FAILS, _REFUND_LATE, _DISPUTED = "4000000000005126", "4000000000007726", "4000000000000259"


class _Scene(NamedTuple):
    """A card, and what happens to a payment with it."""

    card: str = _APPROVES
    capture_method: str = "automatic"
    then: tuple[tuple[str, Json], ...] = ()


def _after(*steps: tuple[str, Json], card: str = _APPROVES) -> _Scene:
    return _Scene(card, "manual", steps)


SCENES: Mapping[str, _Scene] = MappingProxyType(
    {
        "payment.captured": _Scene(),
        "payment.declined": _Scene(_DECLINES),
        "payment.unknown": _Scene(_LOST),
        "payment.authorized": _after(),
        "payment.partially_captured": _after(("capture", {"amount": 500, "final": False})),
        "payment.voided": _after(("void", {})),
        "refund.succeeded": _Scene(then=(("refunds", {"amount": 500}),)),
        "refund.failed": _Scene(_REFUND_FAILS, then=(("refunds", {"amount": 500}),)),
        "refund.unknown": _Scene(_REFUND_LATE, then=(("refunds", {"amount": 500}),)),
        "dispute.created": _Scene(_DISPUTED),
    }
)


def run(target: Target, event: str, connect: Callable[[str, str], Client] = Client) -> str:
    """Cause an event; return a line that says what was done.

    Raises:
        ToolError: it cannot be caused, or not with this key.

    """
    scene = SCENES.get(event)
    if scene is None:
        raise ToolError(f"{event} cannot be triggered; these can: {', '.join(SCENES)}")
    if not target.api_key.startswith("sk_test_"):
        raise ToolError("this is for test keys only (sk_test_…): it would move real money")
    with connect(target.gateway_url, target.api_key) as client:
        card = {"number": scene.card, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        method = _made(client.post("/v1/payment_methods", card))["id"]
        body = {"amount": 2_000, "currency": "USD", "payment_method": method, "capture_method": scene.capture_method}
        payment = _made(client.post("/v1/payments", body))
        for step, more in scene.then:
            _made(client.post(f"/v1/payments/{payment['id']}/{step}", more))
    done = ", ".join(["paid", *(step.removesuffix("s") for step, _ in scene.then)])
    return f"{event} is on its way: {payment['id']} ({done})"


def _made(answer: Answer) -> Json:
    if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise ServiceError(f"{answer.status}: {answer.body.get('detail')}")
    return answer.body
