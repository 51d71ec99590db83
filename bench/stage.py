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
from typing import NamedTuple
from urllib.parse import urlsplit

import jwt

from bench import requests
from bench.cpu import Meter
from bench.load import BenchError, Load
from payments.devtools.client import Answer, Client, Json
from payments.devtools.console import Console
from payments.devtools.keys import KeyFiles
from payments.devtools.platform import running_platform
from payments.devtools.servers import Postgres
from payments.devtools.state import State
from payments.devtools.workspace import Workspace
from payments.merchants.scopes import SCOPES
from shared.card_numbers import passes_luhn
from shared.identity import ALGORITHM, Identity
from shared.ids import uuid_of
from shared.signing_keys import key_id, load_private_key

# Kept over reboots by convention, so on a disk: where /tmp lives in memory, a commit there is durable in name only.
_FOLDER = Path("/var/tmp")  # noqa: S108  the directory made in it is private and has a name of its own
CONNECTIONS = 256
EXTERNAL_CONNECTIONS = 32
_SYNCS = 50
_SETTLING_SECONDS = 60
_IDENTITY_SECONDS = 86_400
_IDLE_SECONDS = 0.1  # of CPU in one second, of PostgreSQL and the worker together
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


class _Shop(NamedTuple):
    merchant: str
    api_key: str
    currency: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The running platform.

    Shapes:
        folder: its data, removed afterwards.
        spread: payments of two merchants, the cards of both mixed.
        hot: payments of one merchant alone, over as many cards.
        straight: what `spread` sends, to payments itself, with the identity that the gateway would have signed.
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
    straight: Load
    external: Load

    def settle(self) -> None:
        """Do what the load before has left: vacuum, as pgbench does before its runs, and the worker's backlog.

        Pages are written out, which the kernel would do half a minute later, with commits waiting behind it.
        """
        with self.postgres.connect("payments") as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")
        for _ in range(_SETTLING_SECONDS):
            before = self.meter.read()
            time.sleep(1)
            after = self.meter.read()
            if sum(after.parts[name] - before.parts[name] for name in ("postgres", "worker")) < _IDLE_SECONDS:
                return


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
            yield Stage(folder, state, postgres, meter, _sync_ms(folder), *_loads(state, folder, cards))
    except Exception:
        console.recall()
        raise
    finally:
        shutil.rmtree(folder)


def _loads(state: State, folder: Path, cards: int) -> tuple[Load, Load, Load, Load]:
    with Client(state.gateway_url, state.admin_token) as admin:
        first, second = (_merchant(admin, currency) for currency in ("USD", "EUR"))
    numbers = [_number(index) for index in range(cards)]
    busy = _cards(state, first, numbers)
    mixed = [*busy[: cards // 2], *_cards(state, second, numbers[: cards // 2])]
    random.Random(0).shuffle(mixed)
    external = _cards(state, first, [_EXTERNAL_CARD] * (cards // 4))
    identities = {shop: _identity(folder, shop) for shop in (first, second)}
    for name, url, found in (
        ("spread", state.gateway_url, mixed),
        ("hot", state.gateway_url, busy),
        ("external", state.gateway_url, external),
        ("straight", state.payments_url, mixed),
    ):
        bearers = identities if name == "straight" else {shop: shop.api_key for shop in identities}
        made = [requests.payment(url, bearers[shop], card, shop.currency) for shop, card in found]
        requests.write(folder / name, made)
    gateway, payments = (urlsplit(url).netloc for url in (state.gateway_url, state.payments_url))
    return (
        Load(folder / "spread", gateway, CONNECTIONS),
        Load(folder / "hot", gateway, CONNECTIONS),
        Load(folder / "straight", payments, CONNECTIONS),
        Load(folder / "external", gateway, EXTERNAL_CONNECTIONS, slow=True),
    )


def _identity(folder: Path, shop: _Shop) -> str:
    """Sign an identity as the gateway does, but for as long as the benchmark takes."""
    key = load_private_key(KeyFiles(Workspace(folder).keys).identity)
    caller = Identity(
        subject="key_bench",
        kind="api_key",
        merchant_id=uuid_of("mer", shop.merchant),
        livemode=False,
        scopes=frozenset(SCOPES),
        roles=frozenset(),
    )
    claims = caller.claims(int(time.time()))
    lasting = claims | {"exp": claims["iat"] + _IDENTITY_SECONDS}
    return jwt.encode(lasting, key, ALGORITHM, headers={"kid": key_id(key.public_key())})


def _sync_ms(folder: Path) -> float:
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(8192))
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return 1000 * median(times)


def _merchant(admin: Client, currency: str) -> _Shop:
    """Make a merchant that settles in this currency, with limits."""
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
    return _Shop(merchant["id"], key["secret"], currency)


def _cards(state: State, shop: _Shop, numbers: Sequence[str]) -> list[tuple[_Shop, str]]:
    """Tokenize cards of a merchant."""
    made = []
    with Client(state.gateway_url, shop.api_key) as client:
        for number in numbers:
            card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123", "name": "Ada Lovelace"}
            made.append((shop, str(_created(client.post("/v1/payment_methods", card))["id"])))
    return made


def _created(answer: Answer) -> Json:
    if answer.status != HTTPStatus.CREATED:
        raise BenchError(f"the load could not be prepared: {answer.status} {answer.body}")
    return answer.body


def _number(index: int) -> str:
    """Return a card number of its own; the last digit is the check digit of the others."""
    payload = f"471600{index:09d}"
    return next(f"{payload}{digit}" for digit in range(10) if passes_luhn(f"{payload}{digit}"))
