"""Authorizer of the HTTP API: only CloudFront knows the secret, so only CloudFront's requests come in.

Two values count while a rotation is under way: the one that the distribution still sends and the new one.
"""

import hmac
import os
import time
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

HEADER = "x-origin-secret"

_FRESH_SECONDS = 60.0
_AGAIN_SECONDS = 1.0
_VERSIONS = ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")
_known: tuple[float, list[str]] = (float("-inf"), [])


def handler(event: dict[str, Any], _: object) -> dict[str, bool]:
    """Say whether the request carries one of the secret's values."""
    given = event.get("headers", {}).get(HEADER, "").encode()
    # A value that is not known may be newer than what was read, and API Gateway remembers a no for minutes. So it is
    # read again, but not for each stranger: that would be paid for.
    authorized = _is_one_of(given, _values(_FRESH_SECONDS)) or _is_one_of(given, _values(_AGAIN_SECONDS))
    return {"isAuthorized": authorized}


def _is_one_of(given: bytes, values: list[str]) -> bool:
    return any(hmac.compare_digest(given, value.encode()) for value in values)


def _values(fresh_seconds: float) -> list[str]:
    global _known  # noqa: PLW0603  kept between invocations
    read_at, values = _known
    if time.monotonic() - read_at > fresh_seconds:
        try:
            values = list(_read())
        except (BotoCoreError, ClientError):
            # What was known a minute ago lets payments in while Secrets Manager is away.
            if not values:
                raise
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
