"""A vault on the module's database, with keys in a file."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from payments.database import Database
from payments.keyring import Keyring
from payments.vault.envelope import Envelope
from payments.vault.keys import LocalKeys
from payments.vault.service import Vault
from shared.ids import new_uuid
from tests.vault.support import TEST_CARDS, TODAY, write_keys

_MERCHANT = """
INSERT INTO payments.merchants
       (id, name, country, category_code, settlement_currency, fee_basis_points, fee_fixed, risk_level)
VALUES (%s, 'Shop', 'DE', '5411', 'EUR', 0, 0, 'normal')
"""


@pytest.fixture
def key_file(tmp_path) -> Path:
    return write_keys(tmp_path / "vault.json", {"k1": bytes(range(32))}, "k1")


@pytest.fixture
def envelope(key_file) -> Envelope:
    return Envelope(LocalKeys(key_file))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring("f1", {"f1": bytes(32)})


@pytest_asyncio.fixture
async def store(database_url) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def vault(store, keyring, envelope) -> Vault:
    return Vault(store, keyring, envelope, TEST_CARDS, today=lambda: TODAY)


@pytest.fixture
def new_merchant(owner_database_url) -> Callable[[], UUID]:
    """Make merchants; the vault only needs them to exist."""

    def make() -> UUID:
        merchant_id = new_uuid()
        with psycopg.connect(owner_database_url) as connection:
            connection.execute(_MERCHANT, [merchant_id])
        return merchant_id

    return make


@pytest.fixture
def merchant(new_merchant: Callable[[], UUID]) -> UUID:
    return new_merchant()
