"""A state machine plays merchants, acquirers, clocks and crashes against the service on a real PostgreSQL.

Each run is a merchant of its own. Whatever the run does, the service and the model in `machine/` must agree on every
answer, on every amount after every step, and on the books at the end. `make fuzz` plays a thousand runs.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments.books.verify import broken, verify
from payments.connectors.port import DisputeNotice, DisputeStatus
from payments.devtools.keys import KeyFiles
from shared.ids import uuid_of
from shared.problems import Problem
from tests.conftest import Database
from tests.payments.machine import books
from tests.payments.machine.model import (
    BASIS_POINTS,
    FIXED,
    FOREIGN,
    SETTLEMENT,
    InFlight,
    Model,
    Refusal,
    Reply,
    Result,
)
from tests.payments.machine.orders import CARDS, CARDS_IN_PARTS, Crash, Order, play_of
from tests.payments.machine.world import Client, World
from tests.support import body_of, problem_of

# Few payments, so that much happens to each of them.
PAYMENTS = 3
# `make test` plays the same short runs every time; `make fuzz` sets this and plays new ones, in two processes.
FUZZ = int(os.environ.get("FUZZ_RUNS", "0"))
_CRASHES: list[Crash | None] = [*([None] * 12), "before the call", "after the call", "before the reply"]

KEYS = st.sampled_from(["", "", "", "", "shared", "shared too"])
CRASHES = st.sampled_from(_CRASHES)
COPIES = st.sampled_from([1, 1, 1, 3])
SHARES = st.sampled_from(["half", "half", "half", "half", "one", "all", "all", "too much", "left out"])


class Machine(RuleBasedStateMachine):
    """One merchant's life."""

    payments = Bundle("payments")
    orders = Bundle("orders")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.model = Model()
        self.ids: list[str] = []  # of the model's payments
        self.fresh_keys = 0

    @initialize()
    def open_shop(self) -> None:
        shop = self.world.run(self.world.platform.shop(BASIS_POINTS, FIXED, SETTLEMENT))
        self.client = Client(self.world, shop)

    # What a client does -----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.payments) < PAYMENTS)
    @rule(
        target=payments,
        amount=st.integers(1, 5_000),
        card=st.sampled_from([*CARDS, *CARDS_IN_PARTS * 3]),
        currency=st.sampled_from([SETTLEMENT, SETTLEMENT, FOREIGN]),
        manual=st.sampled_from([True, True, False]),
        key=KEYS,
        crash=CRASHES,
        copies=COPIES,
    )
    def create(
        self, amount: int, card: str, currency: str, manual: bool, key: str, crash: Crash | None, copies: int
    ) -> int | MultipleResults[int]:
        order = Order("create", self._key(key), amount, card=card, currency=currency, manual=manual)
        before = len(self.model.payments)
        self.send(order, crash, copies)
        return before if len(self.model.payments) > before else multiple()

    @rule(target=orders, payment=payments, share=SHARES, final=st.booleans(), key=KEYS, crash=CRASHES, copies=COPIES)
    def capture(self, payment: int, share: str, final: bool, key: str, crash: Crash | None, copies: int) -> Order:
        amount = _amount(share, self.model.payments[payment].capturable)
        return self.send(Order("capture", self._key(key), amount, payment, final), crash, copies)

    @rule(target=orders, payment=payments, key=KEYS, crash=CRASHES, copies=COPIES)
    def void(self, payment: int, key: str, crash: Crash | None, copies: int) -> Order:
        return self.send(Order("void", self._key(key), None, payment), crash, copies)

    @rule(target=orders, payment=payments, share=SHARES, key=KEYS, crash=CRASHES, copies=COPIES)
    def refund(self, payment: int, share: str, key: str, crash: Crash | None, copies: int) -> Order:
        amount = _amount(share, self.model.payments[payment].refundable)
        return self.send(Order("refund", self._key(key), amount, payment), crash, copies)

    @rule(order=orders)
    def repeat(self, order: Order) -> None:
        self.send(order)

    @rule(payment=payments, crash=CRASHES)
    def repeat_creation(self, payment: int, crash: Crash | None) -> None:
        self.send(self.model.payments[payment].stored.order, crash)

    @rule(order=orders)
    def repeat_with_another_body(self, order: Order) -> None:
        if order.kind != "void":  # it has no body
            self.send(replace(order, amount=(order.amount or 0) + 1))

    @rule(payment=payments)
    def repeat_creation_with_another_body(self, payment: int) -> None:
        order = self.model.payments[payment].stored.order
        self.send(replace(order, amount=(order.amount or 0) + 1))

    # What cardholders and their banks do ------------------------------------------------------------------------

    @rule(payment=payments, share=SHARES)
    def dispute(self, payment: int, share: str) -> None:
        known = self.model.payments[payment]
        amount = _amount(share, known.captured) or 1
        number = len(known.disputes)
        if self.model.dispute(known, amount):
            self._tell(payment, number, "needs_response", amount)
        else:
            with pytest.raises(Problem):
                self._tell(payment, number, "needs_response", amount)

    @rule(payment=payments, number=st.integers(0, 2), status=st.sampled_from(["won", "lost", "needs_response"]))
    def end_dispute(self, payment: int, number: int, status: DisputeStatus) -> None:
        known = self.model.payments[payment]
        if number < len(known.disputes):
            self._tell(payment, number, status, 1)
            self.model.end_dispute(known, number, status)

    def _tell(self, payment: int, number: int, status: DisputeStatus, amount: int) -> None:
        shown_id, container = self.ids[payment], self.world.platform.container
        notice = DisputeNotice(
            id="message",
            dispute=f"{shown_id}-{number}",
            key=shown_id.removeprefix("pay_"),
            status=status,
            reason="general",
            amount=amount,
            currency=self.model.payments[payment].currency,
        )
        self.world.run(container.disputes.receive(container.sandbox, notice))

    # What time and others do ------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.payments)
    @rule()
    def deadlines_pass(self) -> None:
        self.world.let_deadlines_pass(self.client.merchant)
        self.model.let_deadlines_pass()

    @precondition(lambda self: self.model.payments)
    @rule()
    def acquirer_decides(self) -> None:
        self.world.let_acquirer_decide()
        self.model.let_acquirer_decide()

    @precondition(lambda self: self.model.payments)
    @rule()
    def recover(self) -> None:
        self.world.platform.let_pauses_pass()
        assert self.world.run(self.world.platform.container.recovery.resolve_unknown()) == self.model.recover()

    @rule(payment=payments)
    def authorization_ends(self, payment: int) -> None:
        self.world.let_expire(uuid_of("pay", self.ids[payment]))
        self.model.payments[payment].expired = True

    @precondition(lambda self: self.model.payments)
    @rule()
    def expire(self) -> None:
        self.world.run(self.world.platform.container.recovery.expire())
        self.model.expire()

    @precondition(lambda self: self.model.payments)
    @rule()
    def roll_up(self) -> None:
        self.world.run(self.world.platform.container.ledger.roll_up())

    @precondition(lambda self: self.model.payments)
    @rule()
    def balances(self) -> None:
        accounts = self.model.accounts()
        for currency in (SETTLEMENT, FOREIGN):
            assert self.world.run(self.client.caller.balance(currency)) == {
                "pending": -accounts.get(("merchant_pending", currency), 0),
                "available": 0,
                "authorized": accounts.get(("authorization_holds", currency), 0),
            }

    # What must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def amounts_match(self) -> None:
        books.check_amounts(self.world.database, self.client.merchant, self.model, self.ids)

    def teardown(self) -> None:
        try:
            self._settle_everything()
        finally:
            self.world.forget(self.client.merchant)

    def _settle_everything(self) -> None:
        books.check(self.world.database, self.client.merchant, self.model, self.ids)
        for step in (self.deadlines_pass, self.acquirer_decides, self.recover, self.balances):
            step()
        for payment in range(len(self.ids)):
            self.authorization_ends(payment)
        self.expire()
        books.check(self.world.database, self.client.merchant, self.model, self.ids)
        books.check_nothing_is_open(self.world.database, self.client.merchant)

    # How it is done ---------------------------------------------------------------------------------------------

    def send(self, order: Order, crash: Crash | None = None, copies: int = 1) -> Order:
        """Send an order and compare what comes back; a crash happens only while something is carried out."""
        seen = order.place in self.model.keys
        expected = self.model.submit(order, None if seen else crash)
        payment = "" if order.kind == "create" else self.ids[order.payment]
        card = order.card or self.model.payments[order.payment].card
        if isinstance(expected, InFlight):
            assert crash is not None
            self.world.run(self.client.post_and_crash(order, payment, card, crash))
            if order.kind == "create":
                self.ids.append(self.world.run(self.client.find(order)))
            return order
        # A call to the acquirer keeps copies waiting, so only the first of them would get the reply.
        at_once = isinstance(expected, Refusal) or seen or not play_of(card, order.kind).external
        for answer in self.world.run(self.client.post(order, payment, copies if at_once else 1)):
            self._compare(expected, answer, order)
            expected = Reply(expected.stored, replayed=True) if isinstance(expected, Reply) else expected
        return order

    def _compare(self, expected: Result, answer: httpx2.Response, order: Order) -> None:
        if isinstance(expected, Refusal):
            problem_of(answer, *expected, *(["/amount"] if expected.code == "amount_too_large" else []))
            return
        assert isinstance(expected, Reply)
        stored = expected.stored
        body = body_of(answer, stored.status_code)
        assert stored.shown is not None
        assert {name: body[name] for name in stored.shown} == stored.shown
        assert ("idempotent-replayed" in answer.headers) == expected.replayed
        assert stored.body in (None, answer.content), "a repetition gets the same bytes"
        stored.body = answer.content
        if order.kind == "create" and not expected.replayed:
            self.ids.append(body["id"])

    def _key(self, wish: str) -> str:
        self.fresh_keys += 1
        return wish or f"key {self.fresh_keys}"


def _amount(share: str, left: int) -> int | None:
    return {"all": max(left, 1), "half": max(left // 2, 1), "one": 1, "too much": left + 1}.get(share)


@pytest.fixture
def world(database: Database, redis_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(database, redis_url, KeyFiles(tmp_path))
    yield world
    world.close()


@pytest.mark.parametrize("part", range(2 if FUZZ else 1))
def test_the_service_and_the_model_agree(world: World, part: int):
    run_state_machine_as_test(
        lambda: Machine(world),  # type: ignore[arg-type]  # what makes a machine is as good as its type
        settings=settings(
            max_examples=-(-FUZZ // 2) or 50,
            stateful_step_count=50 if FUZZ else 30,
            derandomize=not FUZZ,
            deadline=None,
            print_blob=True,
            phases=[*([Phase.reuse] if FUZZ else []), Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    # What the model does not know of, the command of operations does: payments ledger verify.
    assert world.run(_differences(world)) == []


async def _differences(world: World) -> list[tuple[str, list[dict[str, Any]]]]:
    container = world.platform.container
    await container.maturing.run()
    async with container.database.snapshot() as connection:
        return [(each.check.name, each.differences) for each in broken(await verify(connection))]
