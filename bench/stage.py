"""What is measured: a whole platform with its own data in a temporary folder, cards to pay with, requests to send."""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench import requests
from bench.cpu import Meter
from bench.load import BenchError, Load
from payments.devtools.client import Answer, Client, Json
from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.servers import Postgres
from payments.devtools.state import State
from payments.devtools.workspace import Workspace
from shared.card_numbers import passes_luhn

# Kept over reboots by convention, so on a disk: where /tmp lives in memory, a commit there is durable in name only.
_FOLDER = Path("/var/tmp")  # noqa: S108  the directory made in it is private and has a name of its own
CONNECTIONS = 256
EXTERNAL_CONNECTIONS = 32
_SYNCS = 50
# The ambiguity card without a delay: it approves and sends its callback twice. Numbers made here approve at once.
_EXTERNAL_CARD = "4000009000000060"
# Every payment is scored, but as each card pays thousands of times within minutes, the score decides nothing.
_NOTHING_IS_HELD = {"review_threshold": 101, "decline_threshold": 101, "fallback_policy": "approve"}
# Every limit is on, and none is ever reached.
_LIMITS = {
    "single_amount": 10_000_000,
    "daily_volume": 100_000_000_000_000,
    "monthly_volume": 100_000_000_000_000,
    "daily_count": 1_000_000_000,
    "refund_ratio_basis_points": 10_000,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """The running platform.

    Shapes:
        folder: its data, removed afterwards.
        spread: payments of two merchants, the cards of both mixed.
        hot: payments of one merchant alone, over as many cards.
        external: payments that take the external order: intent, acquirer, answer.
        sync_ms: how long the disk takes to make a small write durable, milliseconds.
    """

    folder: Path
    state: State
    postgres: Postgres
    meter: Meter
    sync_ms: float
    spread: Load
    hot: Load
    external: Load


@contextmanager
def running_stage(cards: int) -> Iterator[Stage]:
    """Start everything and tokenize `cards` cards for each kind of load; remove it all afterwards.

    Raises:
        ToolError: it did not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="payments-bench-", dir=_FOLDER))
    console = Console(quiet=True)
    try:
        with running_platform(Workspace(folder), console) as platform:
            state = platform.state
            children = platform.supervisor.children
            postgres = next(child for child in children if isinstance(child, Postgres))
            meter = Meter({child.name: child.process.pid for child in children if child.process})
            spread, hot, external = _loads(state, folder, cards)
            yield Stage(folder, state, postgres, meter, _sync_ms(folder), spread, hot, external)
    except Exception:
        console.recall()
        raise
    finally:
        shutil.rmtree(folder)


def _loads(state: State, folder: Path, cards: int) -> tuple[Load, Load, Load]:
    with Client(state.gateway_url, state.admin_token) as admin:
        first, second = (_merchant(admin, currency) for currency in ("USD", "EUR"))
    numbers = [_number(index) for index in range(cards)]
    busy = _requests(state, first, "USD", numbers)
    mixed = [*busy[: cards // 2], *_requests(state, second, "EUR", numbers[: cards // 2])]
    random.Random(0).shuffle(mixed)
    external = _requests(state, first, "USD", [_EXTERNAL_CARD] * (cards // 4))
    for name, found in (("spread", mixed), ("hot", busy), ("external", external)):
        requests.write(folder / name, found)
    address = urlsplit(state.gateway_url).netloc
    return (
        Load(folder / "spread", address, CONNECTIONS),
        Load(folder / "hot", address, CONNECTIONS),
        Load(folder / "external", address, EXTERNAL_CONNECTIONS, slow=True),
    )


def _sync_ms(folder: Path) -> float:
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(8192))
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return 1000 * median(times)


def _merchant(admin: Client, currency: str) -> str:
    """Make a merchant that settles in this currency, with limits; return its API key."""
    body = {
        "name": f"Bench {currency}",
        "country": "DE",
        "category_code": "5942",
        "settlement_currency": currency,
        "fee": {"basis_points": 290, "fixed": 30},
        "fraud": _NOTHING_IS_HELD,
    }
    merchant = _created(admin.post("/v1/merchants", body))
    limits = admin.put(f"/v1/merchants/{merchant['id']}/limits", _LIMITS)
    if limits.status != HTTPStatus.OK:
        raise BenchError(f"the limits could not be set: {limits.status} {limits.body}")
    key = _created(admin.post(f"/v1/merchants/{merchant['id']}/api_keys", {"name": "bench", "livemode": False}))
    return str(key["secret"])


def _requests(state: State, api_key: str, currency: str, numbers: Sequence[str]) -> list[str]:
    made = []
    with Client(state.gateway_url, api_key) as client:
        for number in numbers:
            card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123", "name": "Ada Lovelace"}
            token = _created(client.post("/v1/payment_methods", card))
            made.append(requests.payment(state.gateway_url, api_key, token["id"], currency))
    return made


def _created(answer: Answer) -> Json:
    if answer.status != HTTPStatus.CREATED:
        raise BenchError(f"the load could not be prepared: {answer.status} {answer.body}")
    return answer.body


def _number(index: int) -> str:
    """Return a card number of its own; the last digit is the check digit of the others."""
    payload = f"471600{index:09d}"
    return next(f"{payload}{digit}" for digit in range(10) if passes_luhn(f"{payload}{digit}"))
