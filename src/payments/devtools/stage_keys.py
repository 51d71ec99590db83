"""`payments keys`: the key material of a stage, in the form of the secrets that its first deployment leaves empty."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from payments.devtools.errors import ToolError
from payments.devtools.keys import key_ring, pem
from payments.devtools.servers.base import write_private
from shared.signing_keys import public_jwk

# File to secret, without the stage's prefix: docs/DEPLOYMENT.md says how they get there.
FILES = {
    "gateway-identity.json": "gateway/identity",
    "payments-identity.json": "payments/identity",
    "keyring.json": "payments/keyring",
}


def create(folder: Path, people_issuer: str, people_jwks: Path) -> dict[Path, str]:
    """Write a file for each secret into a new folder, and return what is for which secret.

    Raises:
        ToolError: the folder exists, or the issuer and its keys are none.
    """
    people = _public_keys(people_jwks)
    if not people_issuer.startswith("https://"):
        raise ToolError(f"the issuer {people_issuer!r} does not begin with https://")
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise ToolError(f"{folder} exists: keys are made once; name a new folder, or remove that one") from error
    identity = Ed25519PrivateKey.generate()
    contents: dict[str, dict[str, str]] = {
        "gateway/identity": {"private_key": pem(identity), "people_jwks": people, "people_issuer": people_issuer},
        "payments/identity": {"jwks": json.dumps({"keys": [public_jwk(identity.public_key())]})},
        "payments/keyring": {"keyring": key_ring()},
    }
    for file, secret in FILES.items():
        write_private(folder / file, json.dumps(contents[secret]))
    return {folder / file: secret for file, secret in FILES.items()}


def _public_keys(path: Path) -> str:
    """Return the text of a JWK Set of public keys."""
    try:
        text = path.read_text(encoding="utf-8")
        keys = json.loads(text)["keys"]
        private = [key for key in keys if "d" in key or key.get("kty") == "oct"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"{path} is not a JWK Set: {error}; your issuer's OpenID configuration names it") from error
    if private or not keys:
        raise ToolError(f"{path} has {'private keys' if private else 'no keys'}: the gateway is given public ones")
    return text
