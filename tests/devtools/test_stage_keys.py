"""The key material of a stage is what the services read, each half in its own secret."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdk.stage import Stage
from payments.cli import app
from payments.devtools.errors import ToolError
from payments.devtools.stage_keys import FILES
from payments.keyring import Keyring
from shared.signing_keys import key_id, load_private_key

PEOPLE = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "AA"}]}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.jwks.json"
    path.write_text(json.dumps(PEOPLE))
    return path


def make(folder: Path, people: Path, issuer: str = "https://sso.example.com") -> None:
    words = ["keys", str(folder), "--people-issuer", issuer, "--people-jwks", str(people)]
    CliRunner().invoke(app, words, catch_exceptions=False)


def secrets(folder: Path) -> dict[str, dict[str, str]]:
    return {secret: json.loads((folder / file).read_text()) for file, secret in FILES.items()}


def test_services_read_what_is_made(people, tmp_path):
    folder = tmp_path / "new" / "keys"
    make(folder, people)
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert {oct(path.stat().st_mode)[-3:] for path in folder.iterdir()} == {"600"}
    found = secrets(folder)
    # Every property that becomes a file of a service, in pods as on Lambda.
    assert {(secret, name) for secret, properties in found.items() for name in properties} == set(
        Stage.secret_files.values()
    )
    files = {file: found[secret][name] for file, (secret, name) in Stage.secret_files.items()}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    private = load_private_key(tmp_path / "identity.pem")
    (public,) = json.loads(files["identity.jwks.json"])["keys"]
    assert public["kid"] == key_id(private.public_key())
    assert "d" not in public
    Keyring.load(tmp_path / "keyring.json")
    assert json.loads(files["people.jwks.json"]) == PEOPLE
    assert files["gateway_people_issuer"] == "https://sso.example.com"


def test_no_two_stages_share_any(people, tmp_path):
    for name in ("one", "two"):
        make(tmp_path / name, people)
    one, two = secrets(tmp_path / "one"), secrets(tmp_path / "two")
    assert one["gateway/identity"]["private_key"] != two["gateway/identity"]["private_key"]
    assert one["payments/keyring"] != two["payments/keyring"]


@pytest.mark.parametrize(
    ("jwks", "issuer", "problem"),
    [
        ("{}", "https://sso.example.com", "is not a JWK Set"),
        ("[]", "https://sso.example.com", "is not a JWK Set"),
        ('{"keys": []}', "https://sso.example.com", "has no keys"),
        ('{"keys": [{"kty": "OKP", "d": "AA"}]}', "https://sso.example.com", "has private keys"),
        ('{"keys": [{"kty": "oct", "k": "AA"}]}', "https://sso.example.com", "has private keys"),
        (json.dumps(PEOPLE), "sso.example.com", "does not begin with https://"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(people, tmp_path, jwks, issuer, problem):
    people.write_text(jwks)
    with pytest.raises(ToolError, match=problem):
        make(tmp_path / "keys", people, issuer)
    assert not (tmp_path / "keys").exists()


def test_keys_that_are_there_are_never_written_over(people, tmp_path):
    make(tmp_path / "keys", people)
    before = secrets(tmp_path / "keys")
    with pytest.raises(ToolError, match="keys are made once"):
        make(tmp_path / "keys", people)
    assert secrets(tmp_path / "keys") == before
