"""A little of everything that can happen to money."""

from datetime import UTC, datetime, timedelta

from payments.payouts.sandbox_rail import FAILS
from payments.reconciliation.sandbox_file import settle
from payments.reconciliation.settlement_file import SettlementFile
from tests.disputes.court import DISPUTED, dispute, submit
from tests.support import Caller, Platform, body_of

_POLICY = {"delay_days": 0, "schedule": "manual"}
_FEES = {"basis_points": 290, "fixed": 30, "dispute": 1_500}


async def live(service: Platform) -> Caller:
    """Let a merchant take, hold, refund, dispute, mature and pay out, in two currencies, with outcomes still open."""
    merchant = await service.shop(fee=_FEES, payouts=_POLICY)
    failing = await service.shop(payouts={**_POLICY, "destination": FAILS})
    for currency in ("EUR", "GBP", "JPY"):
        payment = await merchant.pay(amount=10_007, currency=currency)
        body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1_003}), 201)
    held = await merchant.authorize(amount=5_000)
    body_of(await merchant.post(f"/v1/payments/{held['id']}/capture", {"amount": 2_000, "final": False}), 200)
    await merchant.authorize(amount=700)
    await merchant.pay("4000000000000002")
    await merchant.pay("4000009000000011", amount=900)  # unknown
    slow = await merchant.pay("4000009000000102", amount=800)
    await merchant.post(f"/v1/payments/{slow['id']}/refunds", {"amount": 300})  # unknown
    hanging = await merchant.authorize("4000009000000078", amount=600)
    await merchant.post(f"/v1/payments/{hanging['id']}/capture", {"amount": 200})  # unknown, and final
    await merchant.pay(DISPUTED, amount=4_000, currency="GBP")
    await service.container.sandbox_disputes.tell()
    won = await merchant.pay(amount=3_000)
    opened = await dispute(service, merchant, won["id"], 1_000)
    await submit(merchant, opened["id"], "winning_evidence")
    await service.container.sandbox_disputes.tell()
    await failing.pay(amount=1_234)
    for shop in (merchant, failing):
        body_of(await shop.post("/v1/payouts"), 201)
    await service.container.payouts.send()
    await merchant.pay(amount=2_222)
    await merchant.pay(amount=2_224, currency="GBP")
    body_of(await merchant.post("/v1/payouts"), 201)
    await service.container.ledger.roll_up()
    await service.container.maturing.run()
    return merchant


async def settle_some(service: Platform) -> None:
    """Let the acquirer settle what it has taken so far, but for the last of it."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    async with service.container.database.snapshot() as connection:
        lines = (await settle(connection, now))[:5]
    file = SettlementFile(
        settlement_id=lines[0].settlement_id,
        acquirer="sandbox",
        livemode=False,
        covers_until=now,
        sha256=b"",
        lines=lines,
    )
    await service.container.reconciliation.reconcile(file)
