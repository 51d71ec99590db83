"""The demo platform: two merchants with different settlement currencies, made over HTTP as an administrator would."""

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus

from payments.devtools.client import Answer, Client, Json
from payments.devtools.errors import SeedError
from payments.devtools.servers.base import write_private
from payments.devtools.workspace import Workspace
from payments.fx import sample

_MERCHANTS: tuple[Json, ...] = (
    {
        "name": "Harbor Books",
        "country": "US",
        "category_code": "5942",
        "settlement_currency": "USD",
        "fee": {"basis_points": 290, "fixed": 30},
    },
    {
        "name": "Café Lindner",
        "country": "DE",
        "category_code": "5814",
        "settlement_currency": "EUR",
        "fee": {"basis_points": 140, "fixed": 25},
    },
)

# A few of those in docs/TEST_CARDS.md.
_CARDS = (
    ("4242424242424242", "approves"),
    ("4000000000000002", "declines"),
    ("4000000000009995", "has insufficient funds"),
)


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card number that means something to the sandbox, and the token it got."""

    __test__ = False  # pytest: not a test class

    number: str
    meaning: str
    payment_method: str


@dataclass(frozen=True, slots=True)
class DemoMerchant:
    """A merchant, the one key that the service showed once, and some cards in its name."""

    id: str
    name: str
    settlement_currency: str
    api_key: str
    cards: list[TestCard]


def seed(workspace: Workspace, gateway_url: str, admin_token: str) -> list[DemoMerchant]:
    """Create the demo merchants, or return those of an earlier start.

    Raises:
        SeedError: the service refused.
    """
    with Client(gateway_url, admin_token) as admin:
        # At every start: the rates of the last one may be stale by now.
        _expect(admin.put("/v1/fx/rates", sample.rates()), HTTPStatus.OK)
        known = _remembered(workspace)
        if known and all(_exists(admin, merchant) for merchant in known):
            return known
        merchants = [_create(admin, gateway_url, body) for body in _MERCHANTS]
    write_private(workspace.seed, json.dumps([asdict(merchant) for merchant in merchants], indent=2) + "\n")
    return merchants


def _remembered(workspace: Workspace) -> list[DemoMerchant]:
    if not workspace.seed.exists():
        return []
    try:
        return [
            DemoMerchant(**{**merchant, "cards": [TestCard(**card) for card in merchant["cards"]]})
            for merchant in json.loads(workspace.seed.read_text())
        ]
    except (KeyError, TypeError):
        return []  # written by an older version of this file


def _exists(admin: Client, merchant: DemoMerchant) -> bool:
    answer = admin.get(f"/v1/merchants/{merchant.id}")
    if answer.status == HTTPStatus.NOT_FOUND:  # the database is a new one
        return False
    _expect(answer, HTTPStatus.OK)
    return True


def _create(admin: Client, gateway_url: str, body: Json) -> DemoMerchant:
    merchant = _expect(admin.post("/v1/merchants", body), HTTPStatus.CREATED)
    key_body = {"name": "make dev", "livemode": False}
    key = _expect(admin.post(f"/v1/merchants/{merchant['id']}/api_keys", key_body), HTTPStatus.CREATED)
    with Client(gateway_url, key["secret"]) as client:
        cards = [_tokenize(client, number, meaning) for number, meaning in _CARDS]
    return DemoMerchant(merchant["id"], body["name"], body["settlement_currency"], key["secret"], cards)


def _tokenize(client: Client, number: str, meaning: str) -> TestCard:
    card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Ada Lovelace"}
    token = _expect(client.post("/v1/payment_methods", card), HTTPStatus.CREATED)
    return TestCard(number, meaning, token["id"])


def _expect(answer: Answer, status: HTTPStatus) -> Json:
    if answer.status != status:
        raise SeedError(f"the demo merchants could not be created: {answer.status} {json.dumps(answer.body)}")
    return answer.body
