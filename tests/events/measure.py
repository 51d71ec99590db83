"""What idle streams cost: `python -m tests.events.measure [streams]`.

Opens streams through the gateway, ten merchants' at a time, lets them idle for a minute, and prints memory and CPU time
of both services; then one merchant pays, and every stream of it hears of that.
"""

# ruff: noqa: T201 - it prints its report

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import psutil

from payments.devtools.client import Client, Json
from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.workspace import Workspace

_EACH = 100
_IDLE_SECONDS = 60

Open = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def processes(factory: str) -> psutil.Process:
    """The service's process."""
    for process in psutil.Process().children(recursive=True):
        if factory in process.cmdline():
            return process
    raise AssertionError(factory)


async def follow(gateway_url: str, key: str) -> Open:
    """Open a stream and read until it has begun."""
    parts = urlsplit(gateway_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n".encode())
    head = await reader.readuntil(b"you get events from here on")
    assert b" 200 " in head.splitlines()[0], head
    return reader, writer


async def measure(count: int, gateway_url: str, admin_token: str, services: dict[str, psutil.Process]) -> None:
    """Open, idle, pay, and print."""
    body: Json = {"name": "Streams", "country": "US", "category_code": "5942", "settlement_currency": "USD"}
    body |= {"fee": {"basis_points": 0, "fixed": 0}}
    with Client(gateway_url, admin_token) as admin:
        keys = []
        for number in range(-(-count // _EACH)):
            made = admin.post("/v1/merchants", body | {"name": f"Streams {number}"}).body
            made = admin.post(f"/v1/merchants/{made['id']}/api_keys", {"name": "x", "livemode": False}).body
            keys.append(made["secret"])
    before = {name: process.memory_info().rss for name, process in services.items()}
    streams = [await follow(gateway_url, keys[number // _EACH]) for number in range(count)]
    start = {name: process.cpu_times() for name, process in services.items()}
    await asyncio.sleep(_IDLE_SECONDS)
    for name, process in services.items():
        spent = sum(process.cpu_times()[:2]) - sum(start[name][:2])
        memory = (process.memory_info().rss - before[name]) / count / 1024
        print(f"{name}: {count} idle streams: {memory:.0f} KiB each, {spent / _IDLE_SECONDS:.1%} of one CPU")
    with Client(gateway_url, keys[0]) as client:
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        method = client.post("/v1/payment_methods", card).body["id"]
        client.post("/v1/payments", {"amount": 1, "currency": "USD", "payment_method": method})
        paid = monotonic()
        await asyncio.gather(*(reader.readuntil(b"payment.captured") for reader, _ in streams[:_EACH]))
        print(f"{_EACH} streams of one merchant heard of a payment within {(monotonic() - paid) * 1000:.0f} ms")
    for _, writer in streams:
        writer.transport.abort()


def main() -> None:
    """Start the platform and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with running_platform(Workspace(Path(folder) / ".dev"), Console(io.StringIO())) as running:
            services = {name: processes(f"{name}.main:app_factory") for name in ("gateway", "payments")}
            asyncio.run(measure(count, running.state.gateway_url, running.state.admin_token, services))


if __name__ == "__main__":
    main()
