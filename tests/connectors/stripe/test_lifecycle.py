"""The Stripe connector against a Stripe that keeps books: everything a payment can do, and silence at every step."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest
import pytest_asyncio

from payments.connectors.declines import decline
from payments.connectors.port import (
    Approved,
    AuthorizeRequest,
    CaptureRequest,
    CardReference,
    Cvc,
    Declined,
    NotFound,
    RefundRequest,
    StillUnknown,
    Unknown,
    VoidRequest,
)
from payments.connectors.stripe.accounts import Account
from payments.connectors.stripe.connector import StripeConnector
from payments.connectors.stripe.http import StripeHttp
from payments.vault.schemas import PrimaryAccountNumber
from tests.connectors.stripe.server import SECRET_KEY, Relay, localstripe

pytestmark = pytest.mark.slow

APPROVES, DECLINES, AUTHENTICATES = "4242424242424242", "4000000000000341", "4000002760003184"
MERCHANT = uuid4()


class Shop:
    """The connector, and the relay behind it."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.numbers: dict[UUID, str] = {}
        account = Account(SECRET_KEY, "whsec_test", livemode=False, base_url="http://stripe.test")
        self.connector = StripeConnector(account, self._reveal, StripeHttp(relay))

    async def _reveal(self, _: UUID, payment_method: UUID) -> PrimaryAccountNumber:
        return PrimaryAccountNumber(self.numbers[payment_method])

    def request(self, number: str = APPROVES, *, capture: bool = False) -> AuthorizeRequest:
        method = uuid4()
        self.numbers[method] = number
        card = CardReference(method, MERCHANT, False, "visa", number[-4:], 12, 2040)
        key = uuid4()
        return AuthorizeRequest(key.hex, key, 5000, "EUR", capture, card, "SHOP", Cvc("123"))

    async def authorize(self, *, capture: bool = False) -> Approved:
        outcome = await self.connector.authorize(self.request(capture=capture), soon())
        assert isinstance(outcome, Approved)
        return outcome

    async def status(self, held: Approved) -> str:
        return str((await self.relay.intents())[held.reference]["status"])


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with localstripe(tmp_path_factory.mktemp("stripe")) as url:
        yield url


@pytest_asyncio.fixture
async def shop(url) -> AsyncIterator[Shop]:
    shop = Shop(Relay(url))
    yield shop
    await shop.connector.close()


async def test_authorize_capture_a_part_and_refund_twice(shop: Shop):
    held = await shop.authorize()
    assert await shop.status(held) == "requires_capture"
    key = uuid4().hex
    captured = await shop.connector.capture(CaptureRequest(key, held.reference, 3000, "EUR"), soon())
    assert isinstance(captured, Approved)
    assert await shop.status(held) == "succeeded"
    for _ in range(2):
        refund = RefundRequest(uuid4().hex, held.reference, 1000, "EUR")
        given = await shop.connector.refund(refund, soon())
        assert isinstance(given, Approved)
        assert await shop.connector.lookup(refund.key, kind="refund", parent=held.reference) == given
    assert await shop.connector.lookup(key, kind="capture", parent=held.reference) == captured


async def test_one_step_and_void(shop: Shop):
    assert await shop.status(await shop.authorize(capture=True)) == "succeeded"
    held = await shop.authorize()
    void = VoidRequest(uuid4().hex, held.reference, 5000, "EUR")
    assert await shop.connector.lookup(void.key, kind="void", parent=held.reference) == NotFound()
    assert await shop.connector.void(void, soon()) == held
    assert await shop.status(held) == "canceled"
    assert await shop.connector.lookup(void.key, kind="void", parent=held.reference) == held
    refused = await shop.connector.capture(CaptureRequest(uuid4().hex, held.reference, 1, "EUR"), soon())
    assert isinstance(refused, Declined)
    assert refused.code == "capture_rejected"


@pytest.mark.parametrize("currency", ["ISK", "MGA", "UGX"])
async def test_currencies_that_stripe_counts_in_other_units_are_not_sent_there(shop: Shop, currency: str):
    outcome = await shop.connector.authorize(msgspec.structs.replace(shop.request(), currency=currency), soon())
    assert outcome == decline("currency_not_supported")
    assert shop.relay.requests == []


@pytest.mark.parametrize(("number", "code"), [(DECLINES, "card_declined"), (AUTHENTICATES, "authentication_required")])
async def test_declines_are_ours(shop: Shop, number, code):
    request = shop.request(number)
    outcome = await shop.connector.authorize(request, soon())
    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.retryable) == (code, False)
    assert await shop.connector.lookup(request.key) == outcome


async def test_the_number_goes_to_one_place_only(shop: Shop, caplog):
    await shop.authorize()
    with_number = [path for path, body in zip(shop.relay.requests, shop.relay.bodies, strict=True) if APPROVES in body]
    assert with_number == ["POST /v1/payment_methods"]
    assert APPROVES not in caplog.text


async def test_an_authorization_whose_answer_is_lost_is_found(shop: Shop):
    request = shop.request()
    shop.relay.lose = "answer", "/v1/payment_intents"
    assert isinstance(await shop.connector.authorize(request, soon()), Unknown)
    found = await shop.connector.lookup(request.key)
    assert isinstance(found, Approved)
    assert await shop.connector.authorize(request, soon()) == found, "the key makes a repetition harmless"
    assert shop.relay.requests.count("POST /v1/payment_intents") == 1


async def test_the_deadline_ends_the_waiting(shop: Shop):
    held = await shop.authorize()
    shop.relay.lose = "silence", "/capture"
    request = CaptureRequest(uuid4().hex, held.reference, 5000, "EUR")
    assert isinstance(await shop.connector.capture(request, asyncio.get_running_loop().time() + 1), Unknown)


async def test_an_authorization_that_never_arrived_is_not_found(shop: Shop):
    request = shop.request()
    shop.relay.lose = "request", "/v1/payment_intents"
    assert isinstance(await shop.connector.authorize(request, soon()), Unknown)
    assert await shop.connector.lookup(request.key) == NotFound()


async def test_without_a_card_no_payment_was_asked_for(shop: Shop):
    shop.relay.answer_with = httpx2.Response(500, content=b"{}")
    outcome = await shop.connector.authorize(shop.request(), soon())
    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.retryable) == ("not_processed", True)
    assert shop.relay.requests == []


@pytest.mark.parametrize("lost", ["answer", "request"])
@pytest.mark.parametrize("kind", ["capture", "refund", "void"])
async def test_silence_after_the_authorization_is_unknown_until_looked_up(shop: Shop, kind, lost):
    held = await shop.authorize(capture=kind == "refund")
    key = uuid4().hex
    types = {"capture": CaptureRequest, "refund": RefundRequest, "void": VoidRequest}
    paths = {"capture": "/capture", "refund": "/v1/refunds", "void": "/cancel"}
    shop.relay.lose = lost, paths[kind]
    request = types[kind](key, held.reference, 5000, "EUR")
    assert isinstance(await getattr(shop.connector, kind)(request, soon()), Unknown)
    found = await shop.connector.lookup(key, kind=kind, parent=held.reference)
    assert isinstance(found, Approved if lost == "answer" else NotFound)


async def test_a_stripe_that_fails_is_no_evidence(shop: Shop):
    held = await shop.authorize()
    shop.relay.answer_with = httpx2.Response(500, content=b"<html>")
    request = CaptureRequest(uuid4().hex, held.reference, 1000, "EUR")
    assert isinstance(await shop.connector.capture(request, soon()), Unknown)
    for status in (500, 429, 401):
        shop.relay.answer_with = httpx2.Response(status, content=b"{}")
        assert isinstance(await shop.connector.lookup(request.key, kind="capture", parent="pi_1"), StillUnknown)
