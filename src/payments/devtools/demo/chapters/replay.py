"""The answer got lost, so the client asks again."""

from uuid import uuid4

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Repeat a request with the same key"


def play(stage: Stage) -> None:
    """Send one payment twice, then another one under the same key."""
    key = str(uuid4())
    body = {"amount": 1250, "currency": "USD", "payment_method": stage.tokenize(APPROVED_CARD)}
    stage.tell(f"The same request twice, with Idempotency-Key {key}.")
    first = stage.post("/v1/payments", body, key=key, status=201)
    again = stage.post("/v1/payments", body, key=key, status=201)
    stage.expect("the second answer is the first one", holds=again.body == first.body)
    stage.expect("and says so", holds=again.headers.get("Idempotent-Replayed") == "true")
    stage.tell("The same key with another amount is a mistake of the client.")
    refused = stage.post("/v1/payments", {**body, "amount": 9999}, key=key, status=422).body
    stage.expect("it is refused, and nothing was charged", holds=refused["effect"] == "none")
