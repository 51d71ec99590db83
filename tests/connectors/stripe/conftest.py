"""One Stripe for each module, one platform before it for each test."""

import pytest
import pytest_asyncio

from payments.connectors.stripe.accounts import Account
from payments.connectors.stripe.connector import StripeConnector
from payments.connectors.stripe.http import StripeHttp
from tests.connectors.stripe.server import SECRET_KEY, Relay, localstripe
from tests.connectors.stripe.setting import SECRET, Setting
from tests.support import platform_on


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with localstripe(tmp_path_factory.mktemp("stripe")) as url:
        yield url


@pytest_asyncio.fixture
async def setting(database, redis_url, tmp_path, url):
    relay = Relay(url)
    async with platform_on(database, redis_url, tmp_path) as platform:
        container = platform.container
        account = Account(SECRET_KEY, SECRET, livemode=False, base_url="http://stripe.test")
        connector = StripeConnector(account, container.vault.reveal, StripeHttp(relay))
        container.connectors._named["stripe", False] = connector
        container.connectors._default[False] = connector
        yield Setting(platform, await platform.shop(), relay)
        await connector.close()
