"""What is measured: a whole platform with its own data in a temporary folder, cards to pay with, requests to send."""

import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from bench import requests
from bench.cpu import Meter
from bench.load import BenchError, Load
from payments.devtools.client import Client
from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.servers import Postgres
from payments.devtools.state import State
from payments.devtools.workspace import Workspace

# Kept over reboots by convention, so on a disk: where /tmp lives in memory, a commit there is durable in name only.
_FOLDER = Path("/var/tmp")  # noqa: S108  the directory made in it is private and has a name of its own
CONNECTIONS = 128
EXTERNAL_CONNECTIONS = 32
# Ordinary cards that approve, and the ambiguity card without a delay: it approves and sends its callback twice.
_CARDS = ("4242424242424242", "4000056655665556", "5555555555554444", "378282246310005", "6011111111111117")
_EXTERNAL_CARD = "4000009000000060"


@dataclass(frozen=True, slots=True)
class Stage:
    """The running platform.

    Shapes:
        spread: payments of two merchants, the cards of both mixed.
        hot: payments of one merchant alone, over as many cards.
        external: payments that take the external order: intent, acquirer, answer.
    """

    state: State
    postgres: Postgres
    meter: Meter
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
            yield Stage(state, postgres, meter, spread, hot, external)
    except Exception:
        console.recall()
        raise
    finally:
        shutil.rmtree(folder)


def _loads(state: State, folder: Path, cards: int) -> tuple[Load, Load, Load]:
    first, second = (state.api_key, "USD"), (state.second_api_key, "EUR")
    numbers = [_CARDS[index % len(_CARDS)] for index in range(cards)]
    busy = _requests(state, *first, numbers)
    other = _requests(state, *second, numbers[: cards // 2])
    external = _requests(state, *first, [_EXTERNAL_CARD] * (cards // 4))
    mixed = [*busy[: cards // 2], *other]
    random.Random(0).shuffle(mixed)
    for name, found in (("spread", mixed), ("hot", busy), ("external", external)):
        requests.write(folder / name, found)
    address = urlsplit(state.gateway_url).netloc
    return (
        Load(folder / "spread", address, CONNECTIONS),
        Load(folder / "hot", address, CONNECTIONS),
        Load(folder / "external", address, EXTERNAL_CONNECTIONS, slow=True),
    )


def _requests(state: State, api_key: str, currency: str, numbers: Sequence[str]) -> list[str]:
    made = []
    with Client(state.gateway_url, api_key) as client:
        for number in numbers:
            cvc = "1234" if number.startswith("37") else "123"
            card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": cvc, "name": "Ada Lovelace"}
            answer = client.post("/v1/payment_methods", card)
            if answer.status != HTTPStatus.CREATED:
                raise BenchError(f"a card was not tokenized: {answer.status} {answer.body}")
            made.append(requests.payment(state.gateway_url, api_key, answer.body["id"], currency))
    return made
