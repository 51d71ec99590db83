"""Counters in Redis: one script call for all payments that arrive while another one is under way."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from hashlib import blake2b, sha1
from ipaddress import IPv6Address
from pathlib import Path
from time import time
from typing import NamedTuple
from zlib import crc32

import msgspec

from payments.fraud.schemas import Attempt
from shared.redis_connection import RedisConnection, RedisReplyError, RedisUnavailableError

_log = logging.getLogger(__name__)

READY_KEY = "fraud:ready"
_SCRIPT = Path(__file__).with_name("signals.lua").read_text(encoding="utf-8")
_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_DAY_MS = 86_400_000
_BATCH = 64
# What could not be counted while Redis was gone is counted when it is back; more than this needs a rebuild.
_MOST_OWED = 10_000
_GUARD_SHARDS = 16
_GUARD_MEMBER_BITS = 47

_decode = msgspec.msgpack.Decoder(tuple[bool, list[list[int]]]).decode


class CountersUnavailableError(Exception):
    """Redis does not answer, or its counters are not complete yet."""


class Entry(NamedTuple):
    """One payment as the script takes it: its six keys, and the values."""

    keys: tuple[bytes, bytes, bytes, bytes, bytes, bytes]
    values: tuple[int, int, str, int, int, int]


class Counters:
    """Counts payments and returns their signals."""

    def __init__(self, redis: RedisConnection, *, clock: Callable[[], float] = time) -> None:
        """Take the connection and a clock in seconds since 1970."""
        self._redis = redis
        self._clock = clock
        self._owed: list[Attempt] = []
        self._paying: asyncio.Task[None] | None = None

    async def observe(self, attempts: Sequence[Attempt]) -> list[list[int]]:
        """Count payments, each once however often it comes, and return the signals of each, itself included.

        Raises:
            CountersUnavailableError: ask somebody else; they are counted as soon as Redis answers again.

        """
        try:
            ready, found = await self._run(attempts, counting=True)
        except (RedisUnavailableError, RedisReplyError) as error:
            self._owed += attempts
            del self._owed[_MOST_OWED + 1 :]
            raise CountersUnavailableError(str(error)) from error
        if self._owed and self._paying is None:
            self._paying = asyncio.create_task(self._pay())
        if not ready:
            raise CountersUnavailableError("the counters are being rebuilt")
        return found

    async def peek(self, attempts: Sequence[Attempt]) -> list[list[int]]:
        """Return the signals that payments would get, without counting them; raises as ``observe`` does."""
        try:
            ready, found = await self._run(attempts, counting=False)
        except (RedisUnavailableError, RedisReplyError) as error:
            raise CountersUnavailableError(str(error)) from error
        if not ready:
            raise CountersUnavailableError("the counters are being rebuilt")
        return found

    async def count(self, attempts: Sequence[Attempt]) -> None:
        """Count payments of any time within the last day, whether or not the counters are complete.

        Raises:
            RedisUnavailableError: some of them may be counted; doing it again counts the others.

        """
        for start in range(0, len(attempts), _BATCH):
            await self._run(attempts[start : start + _BATCH], counting=True)

    async def close(self) -> None:
        """Count what is owed, then disconnect."""
        if self._paying is not None:
            await asyncio.wait([self._paying])
        await self._redis.close()

    async def _pay(self) -> None:
        """Count what was owed; with too much of it, have everything counted again from the database."""
        owed, self._owed = self._owed, []
        try:
            if len(owed) > _MOST_OWED:
                await self._redis.call("DEL", READY_KEY)
            else:
                await self.count(owed)
        except (RedisUnavailableError, RedisReplyError) as error:
            _log.warning("%d payments are still to be counted: %s", len(owed), error)
            self._owed = (owed + self._owed)[: _MOST_OWED + 1]
        finally:
            self._paying = None

    async def _run(self, attempts: Sequence[Attempt], *, counting: bool) -> tuple[bool, list[list[int]]]:
        entries = [entry_of(attempt) for attempt in attempts]
        now = int(self._clock() * 1000)
        argument = msgspec.msgpack.encode((now, counting, [entry.values for entry in entries]))
        keys: list[str | bytes] = [READY_KEY, *(key for entry in entries for key in entry.keys)]
        try:
            reply = await self._redis.call("EVALSHA", _SHA, len(keys), *keys, argument)
        except RedisReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            reply = await self._redis.call("EVAL", _SCRIPT, len(keys), *keys, argument)
        return _decode(reply)


def entry_of(attempt: Attempt) -> Entry:
    """Return the keys and values of a payment.

    In test mode every key also holds the merchant: test cards are the same few numbers for everybody.
    """
    merchant = attempt.merchant_id.bytes
    mode = b"l" if attempt.livemode else b"t"
    scope = b"" if attempt.livemode else merchant
    at = int(attempt.at.timestamp() * 1000)
    day = at // _DAY_MS
    guard = int.from_bytes(blake2b(merchant + mode + attempt.idempotency_key.encode(), digest_size=8).digest(), "big")
    shard = guard >> (64 - _GUARD_SHARDS)
    card = _digest(scope, bytes.fromhex(attempt.card_fingerprint))
    ip = b"" if attempt.customer_ip is None else b"fi" + mode + _digest(scope, _subject_of(attempt.customer_ip))
    device = b"" if attempt.device_id is None else b"fd" + mode + _digest(scope, attempt.device_id.encode())
    return Entry(
        (
            b"fg%d:%04x" % (day, shard),
            b"fg%d:%04x" % (day - 1, shard),
            b"fc" + mode + card,
            b"fm" + mode + merchant,
            ip,
            device,
        ),
        (
            at,
            attempt.amount_usd or 0,
            str(guard & ((1 << _GUARD_MEMBER_BITS) - 1)),
            int.from_bytes(card[:4], "big"),
            int.from_bytes(merchant[-4:], "big"),
            crc32(f"{attempt.amount}{attempt.currency}".encode()),
        ),
    )


def _subject_of(ip: str) -> bytes:
    """Return what stands for an address: an IPv6 customer has 2^64 of them, so there the network counts."""
    if ":" not in ip:
        return ip.encode()
    address = IPv6Address(ip)
    return str(address.ipv4_mapped).encode() if address.ipv4_mapped else address.packed[:8]


def _digest(scope: bytes, value: bytes) -> bytes:
    return blake2b(scope + value, digest_size=12).digest()
