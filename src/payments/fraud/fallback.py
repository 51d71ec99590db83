"""Signals from PostgreSQL, while Redis does not answer: what an index supports, within bounds of rows and time.

Only the newest payments of each card, merchant, IP address and device are looked at. A window that reaches further back
than those is answered by nobody, and the receipt says so. Payments that are being decided at this moment do not see
each other.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.fraud import repository
from payments.fraud.repository import BOUND, Recent
from payments.fraud.schemas import Attempt
from payments.fraud.vocabulary import WINDOWS

SECONDS = 0.25
_SUBJECTS = ("card", "merchant", "ip", "device")
_DAY = timedelta(seconds=max(WINDOWS.values()))


class FallbackUnavailableError(Exception):
    """The database did not answer in time either."""


class Fallback:
    """Answers for many payments with one statement for each kind of subject."""

    def __init__(self, database: Database, *, seconds: float = SECONDS) -> None:
        """Take the database, and how long an answer may take."""
        self._database = database
        self._seconds = seconds

    async def signals(self, attempts: Sequence[Attempt]) -> list[list[int | None]]:
        """Return the signals of payments, each itself included; those that nobody can tell are none.

        Raises:
            FallbackUnavailableError: there is no answer in time.

        """
        try:
            async with asyncio.timeout(self._seconds), self._database.snapshot() as connection:
                await repository.limit_time(connection, int(self._seconds * 1000))
                past = {
                    subject: await _past(connection, subject, attempts)
                    for subject in ("card", "merchant", "ip", "device")
                }
        except (TimeoutError, sa.exc.SQLAlchemyError, OSError) as error:
            raise FallbackUnavailableError(str(error)) from error
        return [
            _signals(attempt, *(past[subject][place] for subject in past)) for place, attempt in enumerate(attempts)
        ]


class _Past:
    """The newest payments of one subject, latest first; each window holds the first so many of them."""

    def __init__(self, rows: Sequence[Recent], *, complete: bool) -> None:
        self._rows = rows
        self._times = [-(row.id.int >> 80) for row in rows]  # the milliseconds in a UUIDv7
        self._complete = complete

    def windows(self, attempt: Attempt) -> list[Sequence[Recent] | None]:
        """Return the payments of each window before this one; none where older ones may be missing."""
        now = int(attempt.at.timestamp() * 1000)
        found: list[Sequence[Recent] | None] = []
        for seconds in WINDOWS.values():
            size = bisect_left(self._times, seconds * 1000 - now)
            known = self._complete or size < len(self._rows)
            found.append(self._rows[:size] if known else None)
        return found


_NOTHING = _Past((), complete=True)


async def _past(connection: AsyncConnection, subject: str, attempts: Sequence[Attempt]) -> list[_Past]:
    """Return for each payment what there is of its card, merchant, IP address or device; each is asked for once."""
    wanted = [_value(subject, attempt) for attempt in attempts]
    places = {value: place for place, value in enumerate(dict.fromkeys(value for value in wanted if value is not None))}
    if not places:
        return [_NOTHING] * len(attempts)
    rows: list[list[Recent]] = [[] for _ in places]
    since = min(attempt.at for attempt in attempts) - _DAY
    for row in await repository.recent(connection, subject, [value[:2] for value in places], since):
        rows[row.number].append(row)
    found = {
        value: _Past(
            # In test mode only those of the same merchant, as Redis counts them.
            [row for row in rows[place] if value[2] in (None, row.merchant_id)],
            complete=len(rows[place]) < BOUND,
        )
        for value, place in places.items()
    }
    return [_NOTHING if value is None else found[value] for value in wanted]


def _value(subject: str, attempt: Attempt) -> tuple[str, bool, UUID | None] | None:
    value = {
        "card": attempt.card_fingerprint,
        "merchant": str(attempt.merchant_id),
        "ip": attempt.customer_ip,
        "device": attempt.device_id,
    }[subject]
    return None if value is None else (value, attempt.livemode, None if attempt.livemode else attempt.merchant_id)


def _signals(attempt: Attempt, card: _Past, merchant: _Past, ip: _Past, device: _Past) -> list[int | None]:
    """Return the values in the order of ``vocabulary.GROUPS``."""
    cents = attempt.amount_usd or 0
    amount = (attempt.amount, attempt.currency)
    cards = card.windows(attempt)
    values = [
        *_counts(cards),
        *_sums(cards, cents),
        *_known(cards, lambda rows: len({row.merchant_id for row in rows} | {attempt.merchant_id})),
        *_known(cards, lambda rows: 1 + sum((row.amount, row.currency) == amount for row in rows)),
    ]
    merchants = merchant.windows(attempt)
    values += [*_counts(merchants), *_sums(merchants, cents)]
    if attempt.customer_ip is None:
        values += [0] * (3 * len(WINDOWS))
    else:
        ips = ip.windows(attempt)
        fingerprint = attempt.card_fingerprint
        values += [*_counts(ips), *_sums(ips, cents)]
        values += _known(ips, lambda rows: len({row.card_fingerprint for row in rows} | {fingerprint}))
    if attempt.device_id is None:
        return [*values, *[0] * (2 * len(WINDOWS))]
    devices = device.windows(attempt)
    return [*values, *_counts(devices), *_sums(devices, cents)]


_Windows = list[Sequence[Recent] | None]


def _counts(windows: _Windows) -> list[int | None]:
    return _known(windows, lambda rows: 1 + len(rows))


def _sums(windows: _Windows, cents: int) -> list[int | None]:
    return _known(windows, lambda rows: cents + sum(row.amount_usd or 0 for row in rows))


def _known(windows: _Windows, value: Callable[[Sequence[Recent]], int]) -> list[int | None]:
    return [None if rows is None else value(rows) for rows in windows]
