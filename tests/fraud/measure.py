"""What counting a payment costs: `python -m tests.fraud.measure`; `make bench` has the rules and the memory.

CPU time of this process and of Valkey, so that it does not depend on what else the machine does.
"""

# ruff: noqa: T201 - it prints its report

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import process_time, time

import redis
import uvloop

from payments.devtools.servers import Valkey
from payments.fraud.counters import READY_KEY, Counters
from shared.ids import new_uuid
from shared.redis_connection import RedisConnection
from tests.fraud.support import attempt

PAYMENTS = 20_000


async def counters(valkey: Valkey, batch: int) -> None:
    """Payments of fresh cards at a hundred merchants, an hour's worth of buckets each."""
    merchants = [new_uuid() for _ in range(100)]
    now = [time()]
    counting = Counters(RedisConnection(valkey.url, timeout=5), clock=lambda: now[0])
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command("FLUSHALL", "SYNC")
        client.set(READY_KEY, 1)
        paid = [
            attempt(
                at=datetime.fromtimestamp(now[0] + number * 3600 / PAYMENTS, UTC),
                merchant_id=merchants[number % 100],
                card_fingerprint=f"{random.getrandbits(256):064x}",
                customer_ip=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            )
            for number in range(PAYMENTS)
        ]
        client.config_resetstat()
        before, started = _cpu(client), process_time()
        for start in range(0, PAYMENTS, batch):
            now[0] = paid[start].at.timestamp()
            await counting.observe(paid[start : start + batch])
        ours, theirs = process_time() - started, _cpu(client) - before
    await counting.close()
    print(
        f"{batch:3} payments in a batch            {theirs / PAYMENTS * 1e6:6.1f} µs CPU in Valkey, "
        f"{ours / PAYMENTS * 1e6:5.1f} here"
    )


def _cpu(client: redis.Redis) -> float:
    found = client.info("cpu")
    return float(found["used_cpu_user"] + found["used_cpu_sys"])


def main() -> None:
    """Print the report."""
    with tempfile.TemporaryDirectory(prefix="payments-measure-") as folder:
        Path(folder).chmod(0o711)
        with Valkey(Path(folder) / "valkey") as valkey:
            for batch in (1, 8, 64):
                uvloop.run(counters(valkey, batch))


if __name__ == "__main__":
    main()
