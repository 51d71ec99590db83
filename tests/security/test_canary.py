"""The canary: known card numbers go into every place a client can write to, and then nobody may have kept one.

Everything is real: both services, the worker, PostgreSQL and Valkey as `make dev` runs them. Searched afterwards: every
answer with its headers, every line that any process wrote, metrics, a dump of the whole database, whatever Valkey
remembers, and every file below `.dev/`, the write-ahead log included.
"""

import base64
import io
import json
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
import redis

from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.servers import Postgres
from payments.devtools.state import State
from payments.devtools.workspace import Workspace
from tests.security.canary import CVC, PANS, Attack, Leaks, Probe, grouped, spellings

pytestmark = pytest.mark.slow

# These have to work as they should be, or the canary would only ever meet the validation in front of them.
MUST_SUCCEED = [
    "tokenize",
    "pay with cvc",
    "POST /v1/payment_methods as it should be",
    "POST /v1/payments as it should be",
    "POST /v1/merchants as it should be",
    "POST /v1/webhook_endpoints as it should be",
]
LEAKS = Leaks()


class Receiver:
    """A merchant's server that keeps whatever webhooks bring."""

    def __enter__(self) -> Self:
        self.got: list[bytes] = []
        self.arrived = Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.arrived:
                    receiver.got.append(self.headers.as_bytes() + body)
                    receiver.arrived.notify_all()
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Platform:
    """The running platform and what came out of it."""

    state: State
    workspace: Workspace
    printed: io.StringIO
    receiver: Receiver
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)

    def client(self, token: str, url: str | None = None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=url or self.state.gateway_url, headers=headers, timeout=30)

    def send(self, client: httpx2.Client, probe: Probe) -> int:
        """Send one probe and keep the whole answer, and where it came from."""
        body = {"content": probe.content} if isinstance(probe.content, bytes) else {"json": probe.content}
        arguments: Any = body if probe.content is not None else {}
        headers = [(name.encode(), str(value).encode()) for name, value in probe.headers.items()]
        with client.stream(probe.method, probe.path, headers=headers, **arguments) as response:
            endless = response.headers.get("content-type", "").startswith("text/event-stream")
            content = next(response.iter_raw()) if endless else response.read()
        self.answers.append((probe.where, repr(response.headers.raw).encode() + content))
        self.statuses.setdefault(probe.where, Counter())[response.status_code] += 1
        return response.status_code


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    workspace = Workspace(tmp_path_factory.mktemp("canary") / ".dev")
    printed = io.StringIO()
    with Receiver() as receiver, running_platform(workspace, Console(printed)) as running:
        yield Platform(running.state, workspace, printed, receiver)


@pytest.fixture(scope="module")
def attacked(platform: Platform) -> Platform:
    """The platform after every probe."""
    objects = _objects(platform)
    with platform.client(platform.state.api_key) as merchant, platform.client(platform.state.admin_token) as admin:
        document = merchant.get(f"{platform.state.payments_url}/openapi.json").json()
        samples = {
            "payment_method": objects["to_pay_with"],
            "number": grouped(PANS[0], " "),
            "cvc": CVC[:3],
            "exp_year": 2034,
            "final": False,
            "amount": 100,
            "scopes": ["payments:read"],
            "customer_ip": "203.0.113.7",
            "url": platform.receiver.url,
            "event_types": ["payment.captured"],
            "created_from": "2026-01-01T00:00:00Z",
        }
        ids = {template: objects[_kind(template)] for template in _templates(document)}
        for probes in Attack(document, samples, ids).operations():
            client = merchant
            for probe in probes:
                if platform.send(client, probe) == HTTPStatus.FORBIDDEN and client is merchant:
                    client = admin  # it is for people
                    platform.send(client, probe)
        _tokenize_all(platform, merchant)
        _pay_with_cvc(platform, merchant)
    _knock(platform)
    return platform


def _objects(platform: Platform) -> dict[str, str]:
    """One of each, so that paths lead somewhere."""
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    with platform.client(platform.state.api_key) as client:
        method, to_pay_with = (_id(client.post("/v1/payment_methods", json=card)) for _ in range(2))
        body = {"amount": 100_000, "currency": "USD", "payment_method": to_pay_with, "capture_method": "manual"}
        # Two: one that gets every event, and one that the probes may change.
        endpoint, _ = (_id(client.post("/v1/webhook_endpoints", json={"url": platform.receiver.url})) for _ in range(2))
        payment = _id(client.post("/v1/payments", json=body, headers={"Idempotency-Key": "objects-1"}))
    return {
        "webhook_endpoint": endpoint,
        "payment_method": method,
        "to_pay_with": to_pay_with,
        "payment": payment,
        "merchant": platform.state.merchant_id,
        "other": "x",
    }


def _id(response: httpx2.Response) -> str:
    assert response.status_code == HTTPStatus.CREATED, response.text
    return str(response.json()["id"])


def _templates(document: dict[str, Any]) -> Iterator[str]:
    """Every path up to each of its parameters."""
    for path in document["paths"]:
        for end in (index for index, character in enumerate(path) if character == "}"):
            yield path[: end + 1]


_WITH_OBJECTS = ("payment_methods", "payments", "merchants", "webhook_endpoints")


def _kind(template: str) -> str:
    collection = template.rsplit("/", 2)[-2]
    return collection.removesuffix("s") if collection in _WITH_OBJECTS else "other"


def _tokenize_all(platform: Platform, client: httpx2.Client) -> None:
    """Store every number the legitimate way: these are the only copies that may exist."""
    for pan, cvc in zip(PANS, ("719", "719", CVC), strict=True):
        for number in (pan, grouped(pan, " "), grouped(pan, "-")):
            card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": cvc, "name": "Canary"}
            platform.send(client, Probe("tokenize", "POST", "/v1/payment_methods", {}, card))


def _pay_with_cvc(platform: Platform, client: httpx2.Client) -> None:
    """Also with cards whose outcome takes the slow way: the intent is stored before the acquirer is called."""
    for number in ("4000009000000060", "4000009000000011", "4000000000000002"):
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "719"}
        payment_method = _id(client.post("/v1/payment_methods", json=card))
        body = {"amount": 100, "currency": "USD", "payment_method": payment_method, "cvc": CVC}
        headers = {"Idempotency-Key": f"with-cvc-{number[-4:]}"}
        for _ in range(2):
            platform.send(client, Probe("pay with cvc", "POST", "/v1/payments", headers, body))


def _knock(platform: Platform) -> None:
    """Past the front door: what is not HTTP, no credentials, and the inner service itself."""
    for url in (platform.state.gateway_url, platform.state.payments_url):
        address = (urlsplit(url).hostname, urlsplit(url).port)
        for pan in PANS:
            for raw in (f"{pan}\r\n\r\n", f"GET /{pan} HTTP/1.1\r\n{pan}\r\n\r\n", f"{pan} /{CVC} HTTP/1.1\r\n\r\n"):
                with closing(socket.create_connection(address, timeout=10)) as connection:
                    connection.sendall(raw.encode())
                    connection.shutdown(socket.SHUT_WR)
                    platform.answers.append((f"raw {raw[:3]}", connection.makefile("rb").read()))
        for token in (
            *PANS,
            f"sk_test_{PANS[0]}",
            f"eyJhbGciOiJub25lIn0.{base64.b64encode(PANS[0].encode()).decode()}.",
        ):
            with platform.client(token, url) as client:
                for text in spellings(PANS[1]):
                    path = f"/v1/payments/{text}"
                    platform.send(client, Probe("no credentials", "GET", path, {"X-Request-Id": text}))
                    platform.send(client, Probe("no such path", "GET", f"/{text}", {}))
                    platform.send(client, Probe("internal", "POST", "/internal/api_keys/verify", {}, {"key": text}))


def _superuser_url(platform: Platform) -> str:
    parts = urlsplit(platform.state.database_url)
    password = json.loads((platform.workspace.postgres / "passwords.json").read_text())["postgres"]
    return f"postgresql://postgres:{password}@{parts.hostname}:{parts.port}{parts.path}"


def test_nobody_keeps_a_card_number(attacked, subtests):
    # One test, so that the platform is started and attacked once, however tests are spread over processes.
    with subtests.test("the canary gets past the door"):
        worked = {where for where, seen in attacked.statuses.items() if seen[HTTPStatus.CREATED]}
        assert [where for where in MUST_SUCCEED if where not in worked] == []
        assert sum(seen.total() for seen in attacked.statuses.values()) > 500
    with subtests.test("nothing fails on it"):
        failed = {where: seen for where, seen in attacked.statuses.items() if max(seen) >= 500}
        assert failed == {}, attacked.printed.getvalue()[-5_000:]
    with subtests.test("answers"):
        assert {where: found[0] for where, answer in attacked.answers if (found := LEAKS.in_bytes(answer))} == {}
    with subtests.test("logs"):
        assert "payments" in attacked.printed.getvalue()
        assert LEAKS.in_bytes(attacked.printed.getvalue().encode()) == []
    with subtests.test("webhooks"):
        receiver = attacked.receiver
        with receiver.arrived:
            # The last payment with a CVC has come, and so has whatever was before it.
            assert receiver.arrived.wait_for(lambda: any(b"payment.declined" in each for each in receiver.got), 60)
        assert {LEAKS.in_bytes(each)[0] for each in receiver.got if LEAKS.in_bytes(each)} == set()
    with subtests.test("metrics"):
        for url in (attacked.state.gateway_url, attacked.state.payments_url):
            assert LEAKS.in_bytes(httpx2.get(f"{url}/metrics").content) == []
    with subtests.test("database"):
        dump = _dump(attacked)
        assert dump.count(PANS[0][-4:].encode()) >= 3  # the last four digits, once for each token
        assert b"COPY vault.cards" in dump
        assert LEAKS.in_bytes(dump) == []
    with subtests.test("disk"):
        files = _files(attacked)
        assert any("pg_wal" in path.parts for path in files)
        # Four digits turn up by chance in so many bytes; a whole number does not.
        assert {str(path): found for path in files if (found := LEAKS.in_bytes(path.read_bytes(), cvc=False))} == {}
    with subtests.test("cache"), redis.Redis.from_url(attacked.state.redis_url) as client:
        assert [key for key in client.scan_iter() if LEAKS.in_bytes(key + (client.dump(key) or b""))] == []


def _dump(platform: Platform) -> bytes:
    program = Postgres(platform.workspace.postgres).binaries / "pg_dump"
    return subprocess.run([program, _superuser_url(platform)], capture_output=True, check=True).stdout


def _files(platform: Platform) -> list[Path]:
    """Everything the platform has on disk, once the database has written out what it holds in memory."""
    with psycopg.connect(_superuser_url(platform), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return [path for path in platform.workspace.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("pan", PANS)
def test_the_search_finds_what_it_looks_for(pan):
    number = pan.encode()
    for form in (pan, grouped(pan, " "), grouped(pan, "-"), grouped(pan, "%20"), number.hex(), number.hex().upper()):
        assert LEAKS.in_bytes(f"x{form}y".encode())
    for before in range(5):
        hidden = base64.b64encode(b"z" * before + number + b"more")
        assert LEAKS.in_bytes(hidden), hidden
    assert not LEAKS.in_bytes(pan[:-1].encode() + b" " + uuid4().hex.encode())
    assert LEAKS.in_bytes(f'"cvc":"{CVC}"'.encode())
    assert not LEAKS.in_bytes(f"22:43:00.{CVC} 0x{CVC}a5 {CVC}:M".encode())
