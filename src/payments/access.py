"""Who is calling, and may they: verifies the gateway's signed identity and asks the table of permissions."""

import logging
from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import Annotated, Any
from uuid import UUID

import jwt
import msgspec
from fastapi import Depends, Request

from payments.actor import Actor, note
from shared.context import note_merchant
from shared.identity import ALGORITHM, AUDIENCE, ISSUER, LEEWAY_SECONDS, Identity
from shared.permissions import PERMISSIONS
from shared.problems import Problem

_log = logging.getLogger(__name__)

# Far above the keys in use within a token's two seconds of life; a bound all the same.
_MAX_CACHED = 10_000


class Access:
    """Verifies identity tokens with the gateway's public keys and remembers them until they expire."""

    def __init__(self, keys: dict[str, Any]) -> None:
        """Take public keys by their key id."""
        self._keys = keys
        self._verified: dict[str, tuple[Identity, int]] = {}

    @classmethod
    def load(cls, path: Path) -> "Access":
        """Read a JWKS file."""
        keys = jwt.PyJWKSet.from_json(path.read_text(encoding="utf-8")).keys
        return cls({key.key_id: key.key for key in keys if key.key_id is not None})

    async def key_ids(self) -> Iterable[str]:
        """Return the names of the gateway's keys."""
        return self._keys

    def identify(self, authorization: str | None) -> Identity:
        """Return the caller named by an ``Authorization`` header.

        Raises:
            Problem: 401 when there is none, it is forged, or it has expired.

        """
        token = (authorization or "").removeprefix("Bearer ")
        known = self._verified.get(token)
        if known is not None and known[1] > time():
            return known[0]
        identity, expires = self._verify(token)
        if len(self._verified) >= _MAX_CACHED:
            self._verified.clear()
        self._verified[token] = (identity, expires)
        return identity

    def _verify(self, token: str) -> tuple[Identity, int]:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub"]},
            )
            return Identity.from_claims(claims), int(claims["exp"]) + LEEWAY_SECONDS
        except (jwt.InvalidTokenError, KeyError, ValueError, msgspec.DecodeError) as error:
            raise Problem(
                401,
                "unauthenticated",
                "This service takes requests from the gateway only.",
                headers={"WWW-Authenticate": "Bearer"},
            ) from error


def merchant_of(caller: Identity) -> UUID:
    """Return the merchant whose objects the caller sees.

    Raises:
        Problem: 403 for callers that belong to no merchant.

    """
    if caller.merchant_id is None:
        raise Problem(403, "forbidden", "This needs a merchant's API key.")
    return caller.merchant_id


async def identity(request: Request) -> Identity:
    """Return the caller, for FastAPI's dependency injection."""
    access: Access = request.app.state.access
    caller = access.identify(request.headers.get("authorization"))
    note_merchant(caller.merchant_id)
    return caller


Caller = Annotated[Identity, Depends(identity)]


async def authorize(request: Request, caller: Caller) -> None:
    """Let the caller through to the route that was found, if the table of permissions says so.

    Raises:
        Problem: 403; also for a route that somebody forgot to put into the table.

    """
    route = f"{request.method} {request.scope['route'].path}"
    permission = PERMISSIONS.get(route)
    if permission is None:
        _log.error("%s is not in shared/permissions.py, so nobody may call it", route)
        raise Problem(403, "forbidden", "Nobody may call this.")
    permission.demand(caller)
    if caller.kind == "person" and request.method != "GET":
        address, request_id = request.headers.get("x-client-address"), request.scope.get("request_id")
        note(Actor(caller.subject, caller.kind, sorted(caller.roles), address, request_id, route))
