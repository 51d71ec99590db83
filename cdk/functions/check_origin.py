"""Authorizer of the HTTP API: only CloudFront knows the secret, so only CloudFront's requests come in.

Two values count while a rotation is under way: the one that the distribution still sends and the new one.
"""

import hmac
import os
import time
from typing import Any

import boto3

HEADER = "x-origin-secret"

_FRESH_SECONDS = 60.0
_VERSIONS = ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")
_known: tuple[float, list[str]] = (float("-inf"), [])


def handler(event: dict[str, Any], _: object) -> dict[str, bool]:
    """Say whether the request carries one of the secret's values."""
    given = event.get("headers", {}).get(HEADER, "")
    return {"isAuthorized": any(hmac.compare_digest(given.encode(), value.encode()) for value in _values())}


def _values() -> list[str]:
    global _known  # noqa: PLW0603  kept between invocations
    read_at, values = _known
    if time.monotonic() - read_at > _FRESH_SECONDS:
        values = list(_read())
        _known = (time.monotonic(), values)
    return values


def _read() -> list[str]:
    client = boto3.client("secretsmanager")
    values = []
    for version in _VERSIONS:
        try:
            answer = client.get_secret_value(SecretId=os.environ["ORIGIN_SECRET"], VersionStage=version)
        except client.exceptions.ResourceNotFoundException:
            continue
        values.append(answer["SecretString"])
    return values
