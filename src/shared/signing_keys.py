"""The key pair behind identity tokens: the gateway holds the private half, payments the public ones as a JWKS."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from an unencrypted PEM file.

    Raises:
        ValueError: the file holds another kind of key.

    """
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} does not hold an Ed25519 private key")  # noqa: TRY004 - a file's content is a value
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key: its RFC 7638 thumbprint, so that nobody has to hand out names."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)}, separators=(",", ":"))
    return _base64url(sha256(members.encode()).digest())


def public_jwk(key: Ed25519PublicKey) -> dict[str, Any]:
    """Return the key as an entry of a JWKS."""
    return {"kty": "OKP", "crv": "Ed25519", "x": _x(key), "kid": key_id(key), "alg": "EdDSA", "use": "sig"}


def _x(key: Ed25519PublicKey) -> str:
    return _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
