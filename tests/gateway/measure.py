"""What the hop through the gateway costs: `python -m tests.gateway.measure`.

A trivial upstream stands in for payments. CPU time is the gateway process's own, so it does not depend on what else the
machine does; the added latency is the difference of two closed loops at the same concurrency.
"""

# ruff: noqa: T201 - it prints its report

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import psutil
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from payments.devtools.servers import Valkey

KEY = "sk_test_" + "k" * 43
PAYMENT = json.dumps(
    {
        "amount": 1999,
        "currency": "EUR",
        "payment_method": "pm_" + "0" * 32,
        "capture_method": "automatic",
        "reference": "A1",
    }
).encode()
ANSWER = json.dumps({"id": "pay_" + "0" * 32, "object": "payment", "status": "captured", "filler": "x" * 600}).encode()
FOUND = json.dumps(
    {"key_id": "key_" + "0" * 32, "merchant_id": "mer_" + "0" * 32, "livemode": False, "scopes": ["payments:write"]}
).encode()


def upstream_factory():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        status, body = (200, FOUND) if scope["path"].startswith("/internal/") else (201, ANSWER)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers += [(b"x-request-id", b"req_0123456789"), (b"location", b"/v1/payments/pay_0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


class Client(asyncio.Protocol):
    """A closed loop on one connection."""

    def __init__(self, latencies: list[float], until: float):
        self.latencies, self.until, self.done = latencies, until, asyncio.get_running_loop().create_future()
        self.request = (
            b"POST /v1/payments HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer %b\r\nuser-agent: measure\r\n"
            b"accept: */*\r\nidempotency-key: 0190a5f0-5b9c-7cc3-8d2e-2f6f7a5c4b\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (KEY.encode(), len(PAYMENT), PAYMENT)
        )

    def connection_made(self, transport):
        self.transport = transport
        self.ask()

    def ask(self):
        self.started = time.perf_counter()
        self.seen = b""
        self.transport.write(self.request)

    def data_received(self, data):
        self.seen += data
        if not self.seen.endswith(ANSWER):
            return
        now = time.perf_counter()
        self.latencies.append(now - self.started)
        if now < self.until:
            self.ask()
        else:
            self.transport.close()
            self.done.set_result(None)


async def load(port: int, connections: int, seconds: float) -> list[float]:
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(latencies, until), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), seconds + 10)
    return latencies


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(factory: str, port: int, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "shared.serving", factory, "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process


def main() -> None:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    upstream_port, gateway_port = free_port(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="gateway-measure-"))
    folder.chmod(0o711)  # the account of Valkey has to get in
    (path := folder / "identity.pem").write_bytes(key)
    try:
        with Valkey(folder / "valkey") as valkey:
            upstream = start("tests.gateway.measure:upstream_factory", upstream_port)
            gateway = start(
                "gateway.main:app_factory",
                gateway_port,
                GATEWAY_PAYMENTS_URL=f"http://127.0.0.1:{upstream_port}",
                GATEWAY_IDENTITY_KEY_FILE=str(path),
                GATEWAY_REDIS_URL=valkey.url,
                GATEWAY_WRITE_LIMIT="1000000/1",
            )
            try:
                report(upstream_port, gateway_port, psutil.Process(gateway.pid))
            finally:
                for process in (gateway, upstream):
                    process.terminate()
                    process.wait()
    finally:
        shutil.rmtree(folder)


def report(upstream_port: int, gateway_port: int, gateway: psutil.Process) -> None:
    uvloop.run(load(gateway_port, 8, 1))  # warm up
    print(f"{'in flight':>9} {'requests/s':>11} {'gateway CPU ms':>15} {'p50 ms':>8} {'p50 without':>12} {'p99 ms':>8}")
    for connections in (1, 32, 128):
        before, began = gateway.cpu_times(), time.perf_counter()
        through = uvloop.run(load(gateway_port, connections, 4))
        took, after = time.perf_counter() - began, gateway.cpu_times()
        direct = uvloop.run(load(upstream_port, connections, 2))
        cpu = (after.user - before.user) + (after.system - before.system)
        p50, p99 = quantiles(through, n=100)[49], quantiles(through, n=100)[98]
        print(
            f"{connections:9} {len(through) / took:11.0f} {1000 * cpu / len(through):15.4f} {1000 * p50:8.2f} "
            f"{1000 * quantiles(direct, n=100)[49]:12.2f} {1000 * p99:8.2f}"
        )


if __name__ == "__main__":
    main()
