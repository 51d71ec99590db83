"""Acquirers in an order: the next one is asked after a retryable decline, and never while one is silent."""

from datetime import timedelta

import pytest
import pytest_asyncio

from payments.connectors.declines import decline
from payments.connectors.port import Approved, AuthorizeRequest, Capabilities, NotFound, Outcome, Unknown
from tests.support import Caller, Platform, body_of, platform_on, problem_of

TROUBLE, REFUSED = decline("processing_error"), decline("insufficient_funds")
# Which the sandbox declines with processing_error, in one commit.
SANDBOX_TROUBLE = "4000000000000119"


class Elsewhere:
    """An acquirer in the external order that answers what a test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.outcome: Outcome = Approved(f"{name}_1")
        self.asked: list[str] = []
        self.capabilities = Capabilities(
            livemode=False, multiple_captures=True, callbacks=False, not_found_final_after=timedelta(0)
        )

    def single_commit(self, request: object) -> None:
        return None

    async def authorize(self, request: AuthorizeRequest, deadline: float) -> Outcome:
        self.asked.append(request.key)
        return self.outcome

    async def lookup(self, key: str, **about: object) -> NotFound:
        return NotFound()


class Setting:
    def __init__(self, platform: Platform, shop: Caller, first: Elsewhere, second: Elsewhere) -> None:
        self.platform, self.shop, self.first, self.second = platform, shop, first, second
        self.path = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}/acquirer_routes"  # type: ignore[union-attr]

    async def route(self, *acquirers: str, currency: str | None = None):
        route = {"acquirers": list(acquirers)} | ({"currency": currency} if currency else {})
        return await self.put({"livemode": False, "routes": [route]})

    async def put(self, body: dict):
        return await self.platform.admin.request("PUT", self.path, key=None, json=body)


@pytest_asyncio.fixture
async def setting(database, redis_url, tmp_path):
    async with platform_on(database, redis_url, tmp_path) as platform:
        first, second = Elsewhere("first"), Elsewhere("second")
        for connector in (first, second):
            platform.container.connectors._named[connector.name, False] = connector  # type: ignore[assignment]
        yield Setting(platform, await platform.shop(), first, second)


async def test_without_a_route_the_first_acquirer_of_the_mode_takes_all(setting: Setting):
    assert (await setting.shop.pay())["acquirer"] == "sandbox"


async def test_a_retryable_decline_leads_to_the_next(setting: Setting):
    body_of(await setting.route("first", "second"), 200)
    setting.first.outcome = TROUBLE
    paid = await setting.shop.pay()
    assert (paid["status"], paid["acquirer"], paid["decline"]) == ("captured", "second", None)
    assert await setting.shop.causes(paid["id"]) == [
        "request:processing",
        "failover:first:processing_error:processing",
        "acquirer:captured",
    ]
    assert len(setting.first.asked) == len(setting.second.asked) == 1


async def test_the_last_ones_decline_is_the_answer(setting: Setting):
    body_of(await setting.route("first", "second"), 200)
    setting.first.outcome = setting.second.outcome = TROUBLE
    paid = await setting.shop.pay()
    assert (paid["status"], paid["acquirer"], paid["decline"]["code"]) == ("declined", "second", "processing_error")


async def test_a_decline_of_the_card_is_final(setting: Setting):
    body_of(await setting.route("first", "second"), 200)
    setting.first.outcome = REFUSED
    paid = await setting.shop.pay()
    assert (paid["status"], paid["acquirer"]) == ("declined", "first")
    assert setting.second.asked == []


async def test_while_one_is_silent_no_other_is_asked(setting: Setting):
    body_of(await setting.route("first", "second"), 200)
    setting.first.outcome = Unknown("silence")
    paid = await setting.shop.pay()
    assert (paid["status"], paid["acquirer"]) == ("unknown", "first")
    setting.platform.let_deadlines_pass()
    assert await setting.platform.container.recovery.resolve_unknown() == 1
    assert (await setting.shop.show(paid["id"]))["status"] == "failed", "the client is gone: nobody is asked after that"
    assert setting.second.asked == []


async def test_a_decline_in_one_commit_leads_on_as_well_within_the_limits(setting: Setting):
    body_of(await setting.route("sandbox", "second"), 200)
    paid = await setting.shop.pay(SANDBOX_TROUBLE)
    assert (paid["status"], paid["acquirer"]) == ("captured", "second")
    assert "failover:sandbox:processing_error:processing" in await setting.shop.causes(paid["id"])
    limits = setting.path.replace("acquirer_routes", "limits")
    body_of(await setting.platform.admin.request("PUT", limits, key=None, json={"single_amount": 100}), 200)
    over = await setting.shop.pay(SANDBOX_TROUBLE)
    assert (over["status"], over["decline"]["code"]) == ("declined", "limit_exceeded")
    assert len(setting.second.asked) == 1


async def test_a_repetition_asks_nobody_again(setting: Setting):
    body_of(await setting.route("first", "second"), 200)
    setting.first.outcome = TROUBLE
    body = await setting.shop.payment()
    answers = [await setting.shop.post("/v1/payments", body, key="once") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(setting.second.asked) == 1


async def test_a_currency_has_a_route_of_its_own(setting: Setting):
    await setting.platform.set_rates()
    routes = [{"acquirers": ["second"]}, {"currency": "USD", "acquirers": ["first"]}]
    shown = body_of(await setting.put({"livemode": False, "routes": routes}), 200)
    assert [(route["currency"], route["acquirers"]) for route in shown["routes"]] == [
        (None, ["second"]),
        ("USD", ["first"]),
    ]
    assert (await setting.shop.pay())["acquirer"] == "second"
    assert (await setting.shop.pay(currency="USD"))["acquirer"] == "first"
    body_of(await setting.put({"livemode": False, "routes": []}), 200)
    assert (await setting.shop.pay())["acquirer"] == "sandbox"


@pytest.mark.parametrize(
    ("routes", "pointer"),
    [
        ([{"acquirers": ["adyen"]}], "/routes/0/acquirers/0"),
        ([{"acquirers": ["first", "first"]}], "/routes/0/acquirers"),
        ([{"acquirers": []}], "/routes/0/acquirers"),
        ([{"acquirers": ["first"]}, {"acquirers": ["second"]}], "/routes/1/currency"),
        ([{"currency": "usd", "acquirers": ["first"]}], "/routes/0/currency"),
    ],
)
async def test_what_cannot_be_followed_is_refused(setting: Setting, routes, pointer):
    problem_of(await setting.put({"livemode": False, "routes": routes}), 422, "validation_failed", pointer)
    shown = body_of(await setting.platform.admin.get(setting.path), 200)
    assert shown["routes"] == []


async def test_it_is_for_people_and_merchants_that_exist(setting: Setting):
    problem_of(await setting.shop.get(setting.path), 403, "forbidden")
    problem_of(await setting.platform.admin.get(f"/v1/merchants/mer_{'0' * 32}/acquirer_routes"), 404, "not_found")
