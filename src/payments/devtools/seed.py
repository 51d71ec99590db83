"""The demo platform: two merchants with different settlement currencies, made over HTTP as an administrator would."""

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus

from payments.devtools.client import Answer, Client, Json
from payments.devtools.errors import SeedError
from payments.devtools.servers.base import write_private
from payments.devtools.workspace import Workspace

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


@dataclass(frozen=True, slots=True)
class DemoMerchant:
    """A merchant and the one key that the service showed once."""

    id: str
    name: str
    settlement_currency: str
    api_key: str


def seed(workspace: Workspace, gateway_url: str, admin_token: str) -> list[DemoMerchant]:
    """Create the demo merchants, or return those of an earlier start.

    Raises:
        SeedError: the service refused.
    """
    with Client(gateway_url, admin_token) as admin:
        known = _remembered(workspace)
        if known and all(admin.get(f"/v1/merchants/{merchant.id}").status == HTTPStatus.OK for merchant in known):
            return known
        merchants = [_create(admin, body) for body in _MERCHANTS]
    write_private(workspace.seed, json.dumps([asdict(merchant) for merchant in merchants], indent=2) + "\n")
    return merchants


def _remembered(workspace: Workspace) -> list[DemoMerchant]:
    if not workspace.seed.exists():
        return []
    return [DemoMerchant(**merchant) for merchant in json.loads(workspace.seed.read_text())]


def _create(admin: Client, body: Json) -> DemoMerchant:
    merchant = _created(admin.post("/v1/merchants", body))
    key = _created(admin.post(f"/v1/merchants/{merchant['id']}/api_keys", {"name": "make dev", "livemode": False}))
    return DemoMerchant(merchant["id"], body["name"], body["settlement_currency"], key["secret"])


def _created(answer: Answer) -> Json:
    if answer.status != HTTPStatus.CREATED:
        raise SeedError(f"the demo merchants could not be created: {answer.status} {json.dumps(answer.body)}")
    return answer.body
