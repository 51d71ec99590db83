"""Who is calling: finds the credential, asks the verifier that knows its kind, remembers the verdict for two seconds.

Two seconds here, two in the identity token and one of leeway in payments: a revoked key stops working within five, on
every replica, without any message between them.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Protocol

from gateway.clock import Clock
from gateway.identity_tokens import Passport, Signer
from gateway.memory import Memory
from gateway.policies import Class, Quota
from shared.identity import Identity
from shared.problems import Problem

REMEMBER_SECONDS = 2.0
# A good credential that is used shortly before that is verified anew meanwhile, so that nobody waits for it.
AHEAD_SECONDS = 0.5
# Refused credentials are kept apart, so that a flood of wrong keys cannot push out the right ones.
_MAX_REMEMBERED = 10_000
_MAX_CREDENTIAL_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Verified:
    """A genuine credential.

    Shapes:
        expires: its own end in epoch seconds, if it has one.
        quotas: what differs for this caller from the usual quotas.
    """

    identity: Identity
    expires: float | None = None
    quotas: Mapping[Class, Quota] = field(default_factory=dict)


class Verifier(Protocol):
    """Knows one kind of credential."""

    def recognizes(self, credential: str) -> bool:
        """Tell by its shape whether a credential is of this kind."""
        ...

    async def verify(self, credential: str) -> Verified | None:
        """Return whose it is, or none if it is not genuine.

        Raises:
            Problem: this cannot be found out now.

        """
        ...


class Authenticator:
    """Turns an ``Authorization`` header into a passport."""

    def __init__(self, verifiers: Sequence[Verifier], signer: Signer, clock: Clock) -> None:
        self._verifiers = verifiers
        self._signer = signer
        self._clock = clock
        self._known: Memory[Passport] = Memory(_MAX_REMEMBERED)
        self._refused: Memory[bool] = Memory(_MAX_REMEMBERED)
        self._asking: dict[bytes, asyncio.Task[Passport | None]] = {}
        self._pepper = secrets.token_bytes(32)

    async def authenticate(self, authorization: bytes | None, listen: Callable[[], None] = lambda: None) -> Passport:
        """Return the caller; ``listen`` is asked before anything but a good credential that is remembered.

        Raises:
            Problem: 401, 503 when it cannot be found out now, or whatever ``listen`` raises.

        """
        credential = _credential(authorization)
        # A keyed digest keeps the secret itself out of memory, and how long a look-up takes says nothing about it.
        key = hashlib.blake2b(credential, key=self._pepper, digest_size=16).digest()
        now = self._clock.steady()
        passport = self._known.recall(key, now)
        if passport is not None:
            if self._known.rest(key, now) < AHEAD_SECONDS and key not in self._asking:
                self._ask(key, credential, Context())  # in no request's trace: nobody waits for it
            return passport
        listen()
        if not self._refused.recall(key, now):
            # However many requests arrive with one credential, it is verified once. The shield lets each of them leave.
            passport = await asyncio.shield(self._asking.get(key) or self._ask(key, credential))
        if passport is None:
            raise _unauthenticated("This credential is not valid: it is mistyped, revoked or expired.", presented=True)
        return passport

    def _ask(self, key: bytes, credential: bytes, context: Context | None = None) -> asyncio.Task[Passport | None]:
        asking = self._asking[key] = asyncio.create_task(self._verify(key, credential.decode()), context=context)

        def end(task: asyncio.Task[Passport | None]) -> None:
            del self._asking[key]
            if not task.cancelled():
                task.exception()  # known to whoever waits; if nobody does, the next one asks again

        asking.add_done_callback(end)
        return asking

    async def _verify(self, key: bytes, credential: str) -> Passport | None:
        # Counted from before the question, because the answer may be as old as that.
        until = self._clock.steady() + REMEMBER_SECONDS
        for verifier in self._verifiers:
            if not verifier.recognizes(credential):
                continue
            verified = await verifier.verify(credential)
            if verified is None:
                break
            if verified.expires is not None:
                until = min(until, self._clock.steady() + verified.expires - self._clock.wall())
            passport = Passport(verified.identity, self._signer, verified.quotas)
            self._known.keep(key, passport, until)
            return passport
        self._known.forget(key)
        self._refused.keep(key, value=True, until=until)
        return None


def _credential(authorization: bytes | None) -> bytes:
    if authorization is None:
        raise _unauthenticated("Send your API key as Authorization: Bearer sk_test_…", presented=False)
    scheme, _, credential = authorization.partition(b" ")
    credential = credential.strip(b" ")
    if scheme.lower() != b"bearer" or not credential or not credential.isascii() or b" " in credential:
        raise _unauthenticated("The Authorization header is of the form Bearer sk_test_…", presented=False)
    if len(credential) > _MAX_CREDENTIAL_BYTES:
        raise _unauthenticated("This credential is too long to be one.", presented=True)
    return credential


def _unauthenticated(detail: str, *, presented: bool) -> Problem:
    challenge = 'Bearer realm="payments"' + (', error="invalid_token"' if presented else "")
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": challenge})
