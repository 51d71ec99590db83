"""Writes what administrators do to the gateway into payments' audit log, before it is done."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec

from gateway.identity_tokens import Passport
from gateway.upstream import Request, Upstream, UpstreamError
from shared.problems import Problem

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 5.0


class AuditTrail:
    """The way to the log."""

    def __init__(self, upstream: Upstream, gateway: Passport) -> None:
        """Take the way to payments, and who we are there."""
        self._upstream = upstream
        self._gateway = gateway

    async def record(self, person: Passport, **entry: Any) -> None:  # noqa: ANN401 - before and after are any JSON
        """Write one entry.

        Raises:
            Problem: 503 when it could not be written.

        """
        identity = person.identity
        body = {"actor": identity.subject, "roles": sorted(identity.roles), **entry}
        headers = [(b"authorization", self._gateway.authorization()), (b"content-type", b"application/json")]
        request = Request(
            method="POST",
            path=b"/internal/audit",
            query=b"",
            headers=headers,
            body=msgspec.json.encode(body),
            repeatable=False,
            timeout=_TIMEOUT_SECONDS,
        )
        try:
            response = await self._upstream.send(request)
            await response.read()
        except UpstreamError as error:
            _log.warning("an audit entry could not be written: %s", error)
            raise _unavailable() from error
        if response.status != HTTPStatus.NO_CONTENT:
            _log.error("payments answered %d to an audit entry", response.status)
            raise _unavailable()


def _unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "This could not be written into the audit log, so it was not done. Repeat it.",
        retryable=True,
        headers={"Retry-After": "1"},
    )
