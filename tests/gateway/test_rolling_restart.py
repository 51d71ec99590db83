"""Two replicas behind a load balancer are restarted one after the other under load, and not one request fails.

`ROLLING_REQUESTS=10000 python -m pytest tests/gateway/test_rolling_restart.py` is the long version (`make rolling`).
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter

import pytest

from tests.gateway.balancer import Balancer
from tests.gateway.support import KEY, reply, write_private_key

REQUESTS = int(os.environ.get("ROLLING_REQUESTS", "600"))
AT_ONCE = 8
DRAIN_SECONDS = 1.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def replicas(payments, identity_key, tmp_path):
    """Start and restart gateways in processes of their own."""
    running: dict[int, subprocess.Popen[bytes]] = {}
    environment = os.environ | {
        "GATEWAY_PAYMENTS_URL": f"http://127.0.0.1:{payments.port}",
        "GATEWAY_IDENTITY_KEY_FILE": str(write_private_key(tmp_path / "identity.pem", identity_key)),
        "GATEWAY_WRITE_LIMIT": "1000000/1",
    }

    def start(port: int) -> None:
        command = [sys.executable, "-m", "shared.serving", "gateway.main:app_factory", "--port", str(port)]
        command += ["--drain", str(DRAIN_SECONDS)]
        running[port] = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    async def restart(port: int) -> int:
        running[port].send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(running[port].wait, 60)
        start(port)
        return code

    ports = [free_port(), free_port()]
    for port in ports:
        start(port)
    yield ports, restart
    for process in running.values():
        process.kill()
        process.wait()


async def test_a_rolling_restart_fails_no_request(replicas, payments):
    ports, restart = replicas

    async def answer(asked, writer):
        if asked.target == "/health/ready":
            writer.write(reply())
            return
        await asyncio.sleep(0.005)  # so that there is always something under way
        writer.write(reply(b'{"id":"pay_1"}', "201 Created"))

    payments.answer = answer
    seen: Counter[int] = Counter()
    left = iter(range(10**9))
    over = asyncio.Event()

    async def client(balancer: Balancer) -> None:
        # Until every replica has been restarted, and at least so many requests.
        while next(left) < REQUESTS or not over.is_set():
            headers = {"authorization": f"Bearer {KEY}", "idempotency-key": str(sum(seen.values()))}
            seen[(await balancer.send("POST", "/v1/payments", headers=headers, content=b"{}")).status_code] += 1

    async with Balancer(ports) as balancer:
        await balancer.until_ready(*ports)
        clients = [asyncio.create_task(client(balancer)) for _ in range(AT_ONCE)]
        for port in ports:
            assert await restart(port) in (0, -signal.SIGTERM)
            await balancer.until_ready(*ports)
        over.set()
        await asyncio.gather(*clients)
    assert set(seen) == {201}
    assert seen[201] == len(payments.seen) - sum(each.target == "/health/ready" for each in payments.seen) >= REQUESTS
