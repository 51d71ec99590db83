"""How fast one worker delivers to one endpoint: `python -m tests.webhooks.measure [events]`.

Leaves events as large as a payment's in the outbox, all at once, and prints how many reach a local server a second, and
the worker's CPU time for each, numbering included.
"""

# ruff: noqa: T201 - it prints its report

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from time import monotonic
from uuid import UUID

import psutil
import psycopg

from payments.devtools.client import Client
from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.state import State
from payments.devtools.workspace import Workspace
from shared.ids import new_uuid
from tests.events.measure import processes
from tests.webhooks.receiver import Receiver

_INSERT = """
INSERT INTO payments.events (id, merchant_id, livemode, type, object_id, data)
SELECT r.id, e.merchant_id, e.livemode, e.type, e.object_id, e.data
  FROM payments.events e CROSS JOIN unnest(%s::uuid[]) AS r(id) WHERE e.id = %s
"""


def paid(client: Client) -> UUID:
    """Pay once; return the id of the event that tells of it."""
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    method = client.post("/v1/payment_methods", card).body["id"]
    client.post("/v1/payments", {"amount": 1, "currency": "USD", "payment_method": method})
    while not (found := client.get("/v1/events?after=0").body["data"]):
        pass
    return UUID(found[0]["id"].removeprefix("evt_"))


async def measure(count: int, state: State, worker: psutil.Process) -> None:
    """Pay, copy the event, wait for all of them, and print."""
    async with Receiver() as receiver:
        with Client(state.gateway_url, state.api_key) as client:
            event = await asyncio.to_thread(paid, client)
            client.post("/v1/webhook_endpoints", {"url": receiver.url})
        before = sum(worker.cpu_times()[:2])
        with psycopg.connect(state.database_url) as connection:
            connection.execute(_INSERT, ([new_uuid() for _ in range(count)], event))
        await receiver.until(lambda: bool(receiver.seen))
        first = monotonic()
        await receiver.until(lambda: len(receiver.seen) == count, seconds=600)
        seconds, spent = monotonic() - first, sum(worker.cpu_times()[:2]) - before
        size = len(receiver.seen[0].body)
    await asyncio.sleep(0.1)  # its connections end
    print(f"{count} events of {size} bytes to one endpoint: {count / seconds:.0f} a second,", end=" ")
    print(f"{spent / count * 1_000:.2f} ms of the worker's CPU each")


def main() -> None:
    """Start the platform and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with running_platform(Workspace(Path(folder) / ".dev"), Console(io.StringIO())) as running:
            asyncio.run(measure(count, running.state, processes("worker")))


if __name__ == "__main__":
    main()
