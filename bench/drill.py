"""Three faults on a platform of its own, watched by a real Prometheus with the real rules, twelve times as fast.

    python -m bench.drill

Redis is killed, the acquirer gets slow, the outbox stalls. For each: the alert is quiet, fires, and clears once
somebody has done what its runbook says. The exit code is 1 if one does not.
"""

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Self

import psycopg
import yaml

from manifests.observability.rules import page_of, rules
from manifests.observability.times import Times
from payments.devtools.client import Client
from payments.devtools.console import Console
from payments.devtools.errors import ToolError
from payments.devtools.platform import Platform, running_platform
from payments.devtools.ports import LOOPBACK, free_port
from payments.devtools.servers import Valkey
from payments.devtools.state import State
from payments.devtools.workspace import Workspace

SCALE = 1 / 12
# Far more than windows and patience need at this speed; a slow machine makes no difference then.
PATIENCE_SECONDS = 180.0
# A card of the sandbox whose calls last about as long as its acquirer is slow, and one that is answered at once.
SLOW_CARD, EXTERNAL_CARD, USUAL_CARD = "4000009000000052", "4000009000000060", "4242424242424242"


class Load:
    """Payments without end, a few each second; `card` decides what the acquirer is like."""

    def __init__(self, state: State) -> None:
        """Tokenize the cards that are needed."""
        self.card = EXTERNAL_CARD
        self._stop = Event()
        self._url, self._key = state.gateway_url, state.api_key
        with Client(self._url, self._key) as client:
            self._tokens = {
                number: client.post(
                    "/v1/payment_methods", {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
                ).body["id"]
                for number in (SLOW_CARD, EXTERNAL_CARD, USUAL_CARD)
            }
        self._threads = [Thread(target=self._pay, daemon=True) for _ in range(4)]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _pay(self) -> None:
        with Client(self._url, self._key) as client:
            while not self._stop.wait(0.2):
                for number in (USUAL_CARD, self.card):
                    body = {"amount": 100, "currency": "USD", "payment_method": self._tokens[number]}
                    client.post("/v1/payments", body)


class Prometheus:
    """A Prometheus that scrapes the platform every second, with the rules of the cluster."""

    def __init__(self, folder: Path, state: State) -> None:
        """Write its configuration."""
        self._folder, self._port = folder, free_port()
        self._url = f"http://{LOOPBACK}:{self._port}"
        targets = {name: getattr(state, f"{name}_metrics_url") for name in ("gateway", "payments", "worker")}
        jobs = [
            {"job_name": name, "static_configs": [{"targets": [url.removeprefix("http://").removesuffix("/metrics")]}]}
            for name, url in targets.items()
        ]
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": jobs,
        }
        (folder / "rules.yml").write_text(yaml.safe_dump(rules(Times(SCALE))), encoding="utf-8")
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator["Prometheus"]:
        """Run for the length of a `with` block."""
        program = [
            "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{self._port}",
            "--log.level=error",
        ]
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(program, stdout=log, stderr=subprocess.STDOUT)
            try:
                yield self
            finally:
                process.terminate()
                process.wait()

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/alerts", timeout=5) as answer:  # noqa: S310  http
                alerts = json.load(answer)["data"]["alerts"]
        except OSError:  # it is starting
            return set()
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def scraped(self) -> bool:
        """Whether every process has been scraped."""
        try:
            with urllib.request.urlopen(
                f"http://{LOOPBACK}:{self._port}/api/v1/query?query=sum(up)", timeout=5
            ) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return False
        return bool(result) and result[0]["value"][1] == "3"


def wait_until(holds: Callable[[], bool], what: str) -> float:
    """Return after how many seconds something holds.

    Raises:
        ToolError: it does not.
    """
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > PATIENCE_SECONDS:
            raise ToolError(f"{what}: not within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.5)
    return time.monotonic() - begun


@contextmanager
def redis_is_killed(platform: Platform, _load: Load) -> Iterator[None]:
    """Kill the server; the runbook's step is to have a new one, which is empty."""
    [valkey] = [child for child in platform.supervisor.children if isinstance(child, Valkey)]
    assert valkey.process  # noqa: S101  it runs
    valkey.process.kill()
    valkey.process.wait()
    yield
    valkey.start()


@contextmanager
def acquirer_is_slow(_platform: Platform, load: Load) -> Iterator[None]:
    """Pay with cards whose acquirer takes its time; the runbook says to wait until it is fast again."""
    load.card = SLOW_CARD
    yield
    load.card = EXTERNAL_CARD


@contextmanager
def outbox_is_stalled(platform: Platform, _load: Load) -> Iterator[None]:
    """Leave a transaction open, as a person at a prompt does; the runbook says to end the oldest session."""
    with psycopg.connect(platform.state.database_url) as forgotten:
        forgotten.execute("SELECT pg_current_xact_id()")
        yield
        with psycopg.connect(platform.state.database_url, autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND xact_start IS NOT NULL AND pid <> pg_backend_pid() "
                "ORDER BY xact_start LIMIT 1"
            )
        forgotten.close()


FAULTS = {
    "SignalsWithoutRedis": redis_is_killed,
    "AcquirerSlow": acquirer_is_slow,
    "OutboxStalled": outbox_is_stalled,
}


def main() -> None:
    """Drill, and say how it went."""
    if not shutil.which("prometheus"):
        raise ToolError("the drill needs Prometheus on the PATH (Debian: apt-get install prometheus)")
    with tempfile.TemporaryDirectory(prefix="payments-drill-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        console = Console(io.StringIO(), quiet=True)
        with running_platform(Workspace(folder / ".dev"), console) as platform:
            prometheus = Prometheus(folder, platform.state)
            with prometheus.running(), Load(platform.state) as load:
                wait_until(prometheus.scraped, "Prometheus scrapes all three processes")
                for alert, fault in FAULTS.items():
                    _drill(alert, fault(platform, load), prometheus)


def _drill(alert: str, fault: AbstractContextManager[None], prometheus: Prometheus) -> None:
    wait_until(lambda: alert not in prometheus.firing(), f"{alert} is quiet before")
    with fault:
        seconds = wait_until(lambda: alert in prometheus.firing(), f"{alert} fires")
        print(f"{alert} fires after {seconds:.0f} s; docs/runbooks/{page_of(alert)}.md", flush=True)
    seconds = wait_until(lambda: alert not in prometheus.firing(), f"{alert} clears")
    print(f"{alert} clears {seconds:.0f} s after the runbook's step", flush=True)


if __name__ == "__main__":
    try:
        main()
    except ToolError as error:
        sys.exit(f"drill: {error}")
