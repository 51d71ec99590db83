"""Key files: private, complete, and accepted by the code that reads them."""

import stat

import jwt
import pytest

from payments.access import Access
from payments.devtools.keys import PEOPLE_AUDIENCE, PEOPLE_ISSUER, KeyFiles
from payments.keyring import Keyring


@pytest.fixture
def keys(tmp_path):
    keys = KeyFiles(tmp_path / "keys")
    keys.create()
    return keys


def test_nobody_else_can_read_them(keys):
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    files = sorted(path.name for path in keys.folder.iterdir())
    assert files == [
        "identity.jwks.json",
        "identity.pem",
        "keyring.json",
        "people.jwks.json",
        "people.pem",
        "vault.json",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.folder.iterdir()} == {0o600}


def test_a_second_start_keeps_them(keys):
    before = {path.name: path.read_bytes() for path in keys.folder.iterdir()}
    keys.create()
    assert {path.name: path.read_bytes() for path in keys.folder.iterdir()} == before


def test_each_secret_is_its_own(keys):
    assert Keyring.load(keys.keyring).secrets != Keyring.load(keys.vault).secrets
    assert keys.identity.read_text() != keys.people.read_text()


def test_payments_reads_the_public_keys(keys):
    Access.load(keys.identity_jwks)
    assert "d" not in keys.identity_jwks.read_text().replace("Ed25519", "").split('"')


def test_admin_token(keys):
    [key] = jwt.PyJWKSet.from_json(keys.people_jwks.read_text()).keys
    token = keys.admin_token()
    claims = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=PEOPLE_AUDIENCE, issuer=PEOPLE_ISSUER)
    assert claims["roles"] == ["admin"]
    assert jwt.get_unverified_header(token)["kid"] == key.key_id


def test_tokens_of_other_roles(keys):
    [key] = jwt.PyJWKSet.from_json(keys.people_jwks.read_text()).keys
    token = keys.token("risk", "support", subject="ada@example.com")
    claims = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=PEOPLE_AUDIENCE, issuer=PEOPLE_ISSUER)
    assert (claims["sub"], claims["roles"]) == ("ada@example.com", ["risk", "support"])
