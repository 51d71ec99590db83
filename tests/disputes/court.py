"""What cardholders and their banks do in these tests."""

from typing import Any

from payments.connectors.port import DisputeNotice
from payments.connectors.sandbox.disputes import open_dispute
from tests.support import Caller, Platform, body_of

DISPUTED = "4000000000000259"
NOT_RECEIVED = "4000000000002685"
PATH = "/v1/disputes"


async def dispute(
    service: Platform, merchant: Caller, payment: str, amount: int, reason: str = "general"
) -> dict[str, Any]:
    """Let a cardholder dispute a part of a payment with an ordinary card."""
    number = len(await disputes(merchant, payment)) + 1
    paid = await merchant.show(payment)
    key = payment.removeprefix("pay_")
    await open_dispute(service.container.database, key, amount, paid["currency"], reason, number=number)
    await service.container.sandbox_disputes.tell()
    return (await disputes(merchant, payment))[0]


async def disputes(merchant: Caller, payment: str) -> list[dict[str, Any]]:
    """A payment's disputes, newest first."""
    found: list[dict[str, Any]] = body_of(await merchant.get(PATH, params={"payment": payment}), 200)["data"]
    return found


async def submit(merchant: Caller, dispute_id: str, text: str) -> dict[str, Any]:
    """Hand evidence in."""
    return body_of(await merchant.post(f"{PATH}/{dispute_id}/evidence", {"text": text, "submit": True}, key=None), 200)


async def show(merchant: Caller, dispute_id: str) -> dict[str, Any]:
    return body_of(await merchant.get(f"{PATH}/{dispute_id}"), 200)


def books(service: Platform, payment: str) -> dict[tuple[str, str], int]:
    """What a payment left on each account, by (account, currency); debits are positive."""
    rows = service.rows(
        "SELECT a.kind, a.currency, sum(p.amount)::bigint FROM payments.postings p JOIN payments.ledger_accounts a "
        "ON a.id = p.account_id JOIN payments.ledger_transactions t ON t.id = p.transaction_id "
        "WHERE t.payment_id = %s GROUP BY 1, 2 HAVING sum(p.amount) <> 0",
        payment.removeprefix("pay_"),
    )
    return {(kind, currency): amount for kind, currency, amount in rows}


def notice(payment: dict[str, Any], **changes: Any) -> DisputeNotice:
    """What an acquirer says about a payment."""
    fields: dict[str, Any] = {
        "id": "message-1",
        "dispute": f"dp_{payment['id']}",
        "key": payment["id"].removeprefix("pay_"),
        "status": "needs_response",
        "reason": "general",
        "amount": payment["amount"],
        "currency": payment["currency"],
    }
    return DisputeNotice(**{**fields, **changes})
