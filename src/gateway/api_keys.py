"""API keys: payments knows them, the gateway asks."""

import logging
import re
from http import HTTPStatus

import msgspec

from gateway.auth import Verified
from gateway.identity_tokens import Signer, service_passport
from gateway.policies import Class, Quota
from gateway.upstream import Request, Upstream, UpstreamError
from shared.identity import Identity
from shared.ids import uuid_of
from shared.problems import Problem

_log = logging.getLogger(__name__)

_SHAPE = re.compile(r"sk_(?:test|live)_[A-Za-z0-9_-]{43}")
_TIMEOUT_SECONDS = 5.0


class _Found(msgspec.Struct):
    key_id: str
    merchant_id: str
    livemode: bool
    scopes: frozenset[str]
    rate_limits: dict[Class, str] = {}


class ApiKeys:
    """Verifies API keys through payments' internal endpoint."""

    def __init__(self, upstream: Upstream, signer: Signer) -> None:
        self._upstream = upstream
        self._passport = service_passport(signer)

    def recognizes(self, credential: str) -> bool:
        """Tell whether this looks like an API key."""
        return credential.startswith("sk_")

    async def verify(self, credential: str) -> Verified | None:
        """Return whose key it is, or none.

        Raises:
            Problem: 503 when payments does not say.

        """
        if not _SHAPE.fullmatch(credential):
            return None
        request = Request(
            method="POST",
            path=b"/internal/api_keys/verify",
            query=b"",
            headers=[(b"authorization", self._passport.authorization()), (b"content-type", b"application/json")],
            body=msgspec.json.encode({"key": credential}),
            repeatable=True,  # it only looks something up
            timeout=_TIMEOUT_SECONDS,
        )
        try:
            response = await self._upstream.send(request)
            body = await response.read()
            if response.status == HTTPStatus.NOT_FOUND:
                return None
            if response.status != HTTPStatus.OK:
                _log.error("payments answered %d to the verification of a key", response.status)
                raise _unavailable()
            found = msgspec.json.decode(body, type=_Found)
            quotas = {kind: Quota.parse(text) for kind, text in found.rate_limits.items()}
            return Verified(_identity(found), quotas=quotas)
        except UpstreamError as error:
            _log.warning("a key could not be verified: %s", error)
            raise _unavailable() from error
        except ValueError as error:  # msgspec.DecodeError is one
            _log.exception("payments answered the verification of a key with something else")
            raise _unavailable() from error


def _identity(found: _Found) -> Identity:
    return Identity(
        subject=found.key_id,
        kind="api_key",
        merchant_id=uuid_of("mer", found.merchant_id),
        livemode=found.livemode,
        scopes=found.scopes,
        roles=frozenset(),
    )


def _unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "Your key could not be verified right now. Nothing was done; repeat the request.",
        retryable=True,
        headers={"Retry-After": "1"},
    )
