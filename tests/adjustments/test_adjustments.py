"""Corrections need two people, a reason, and two sides."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest

from shared.ids import show
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/adjustments"


def person(service: Platform, name: str, role: str = "operations") -> Caller:
    return service.caller("person", None, role).but(subject=name)


def proposal(shop: Caller, **changes: Any) -> dict[str, Any]:
    assert shop.identity.merchant_id is not None
    return {
        "livemode": False,
        "amount": 500,
        "currency": "EUR",
        "debit": "suspense",
        "credit": "merchant",
        "merchant": show("mer", shop.identity.merchant_id),
        "reason": "goodwill after the outage",
        **changes,
    }


async def propose(somebody: Caller, body: dict[str, Any]) -> dict[str, Any]:
    return body_of(await somebody.post(PATH, body, key=None), 201)


async def decide(somebody: Caller, adjustment: str, verdict: str) -> Any:
    return await somebody.post(f"{PATH}/{adjustment}/{verdict}", key=None)


async def test_two_people_adjust_what_a_merchant_is_owed(service: Platform, merchant: Caller):
    ada, grace = person(service, "ada"), person(service, "grace")
    proposed = await propose(ada, proposal(merchant))
    assert (proposed["status"], proposed["proposed_by"], proposed["transaction"]) == ("proposed", "ada", None)
    assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 0}
    problem_of(await decide(ada, proposed["id"], "approve"), 403, "four_eyes")
    posted = body_of(await decide(grace, proposed["id"], "approve"), 200)
    assert (posted["status"], posted["decided_by"]) == ("posted", "grace")
    await service.container.maturing.run()
    assert await merchant.balance() == {"pending": 0, "available": 500, "authorized": 0}
    problem_of(await decide(grace, proposed["id"], "approve"), 409, "adjustment_state")
    [row] = body_of(await merchant.get("/v1/ledger/transactions"), 200)["data"][-1:]
    assert (row["kind"], row["operation"], row["id"]) == ("adjustment", proposed["id"], posted["transaction"])
    [(data,)] = service.rows(
        "SELECT data FROM payments.events WHERE merchant_id = %s AND type = 'adjustment.posted'",
        merchant.identity.merchant_id,
    )
    assert (data["amount"], data["reason"]) == (500, "goodwill after the outage")
    assert "proposed_by" not in data


async def test_a_debit_takes_from_the_merchant(service: Platform, merchant: Caller):
    proposed = await propose(person(service, "ada"), proposal(merchant, debit="merchant", credit="platform_fees"))
    body_of(await decide(person(service, "grace"), proposed["id"], "approve"), 200)
    assert (await merchant.balance())["pending"] == -500


async def test_differences_leave_suspense_without_a_merchant(service: Platform, merchant: Caller):
    body = proposal(merchant, debit="acquirer_fees", credit="suspense", merchant=None, reason="a late fee")
    proposed = await propose(person(service, "ada"), body)
    assert proposed["merchant"] is None
    posted = body_of(await decide(person(service, "grace"), proposed["id"], "approve"), 200)
    assert posted["transaction"].startswith("txn_")


async def test_a_rejected_proposal_moves_nothing(service: Platform, merchant: Caller):
    ada = person(service, "ada")
    proposed = await propose(ada, proposal(merchant))
    assert body_of(await decide(ada, proposed["id"], "reject"), 200)["status"] == "rejected"
    problem_of(await decide(person(service, "grace"), proposed["id"], "approve"), 409, "adjustment_state")
    assert (await merchant.balance())["pending"] == 0
    found = body_of(await ada.get(PATH, params={"status": "rejected", "limit": 1}), 200)["data"]
    assert [row["id"] for row in found] == [proposed["id"]]
    assert body_of(await ada.get(f"{PATH}/{proposed['id']}"), 200) == found[0]


async def test_two_approvals_at_once_post_once(service: Platform, merchant: Caller):
    before = (await merchant.balance())["pending"]
    proposed = await propose(person(service, "ada"), proposal(merchant))
    approvers = [person(service, name) for name in ("grace", "edsger", "barbara")]
    answers = await asyncio.gather(*(decide(each, proposed["id"], "approve") for each in approvers))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert (await merchant.balance())["pending"] == before + 500


async def test_the_table_itself_wants_four_eyes(service: Platform, merchant: Caller):
    proposed = await propose(person(service, "ada"), proposal(merchant))
    with service.sql("app") as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE payments.adjustments SET status = 'posted', decided_by = 'ada', decided_at = now(), "
            "transaction_id = id WHERE id = %s",
            [proposed["id"].removeprefix("adj_")],
        )
    with service.sql("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE payments.adjustments SET amount = 1")


async def test_who_may_and_what_is_refused(service: Platform, merchant: Caller):
    problem_of(await merchant.post(PATH, proposal(merchant), key=None), 403, "forbidden")
    for role in ("risk", "support", "read_only"):
        problem_of(await person(service, "eve", role).post(PATH, proposal(merchant), key=None), 403, "forbidden")
    ada = person(service, "ada")
    for changes, pointers in (
        ({"debit": "merchant"}, [""]),
        ({"merchant": None}, [""]),
        ({"debit": "rounding"}, ["/debit"]),
        ({"amount": 0}, ["/amount"]),
        ({"reason": ""}, ["/reason"]),
        ({"merchant": "mer_1"}, ["/merchant"]),
    ):
        problem_of(await ada.post(PATH, proposal(merchant, **changes), key=None), 422, "validation_failed", *pointers)
    nobody = proposal(merchant, merchant="mer_" + "0" * 31 + "1")
    problem_of(await ada.post(PATH, nobody, key=None), 404, "not_found")
    problem_of(await decide(ada, "adj_" + "0" * 32, "approve"), 404, "not_found")


async def test_the_platforms_own_adjustment_opens_no_account_that_a_merchant_could_be_mistaken_for(
    service: Platform, merchant: Caller
):
    own = proposal(merchant, debit="acquirer_fees", credit="suspense", currency="CHF")
    del own["merchant"]
    proposed = await propose(person(service, "ada"), own)
    body_of(await decide(person(service, "grace"), proposed["id"], "approve"), 200)
    owned = service.rows(
        "SELECT kind FROM payments.ledger_accounts WHERE merchant_id = %s AND kind LIKE 'merchant%%'", UUID(int=0)
    )
    assert owned == []
    proposed = await propose(person(service, "ada"), proposal(merchant, currency="CHF"))
    body_of(await decide(person(service, "grace"), proposed["id"], "approve"), 200)
    assert (await merchant.balance("CHF"))["pending"] == 500
