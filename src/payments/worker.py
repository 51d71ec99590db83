"""The worker: what happens without a request. Any number of replicas, no leader."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import sqlalchemy as sa

from payments.container import Container
from payments.settings import Settings

_log = logging.getLogger(__name__)

_PARTITIONS_AHEAD = 12
_KEY_RETENTION = timedelta(days=7)
_QUOTE_RETENTION = timedelta(days=30)

Task = tuple[str, float, Callable[[], Awaitable[int]]]


def tasks(container: Container) -> list[Task]:
    """Return every task with its name and the seconds between two runs."""

    async def create_partitions() -> int:
        async with container.database.transaction() as connection:
            statement = sa.text("SELECT payments.ensure_partitions(:months)")
            return await connection.scalar(statement, {"months": _PARTITIONS_AHEAD}) or 0

    return [
        ("resolve unknown outcomes", 1, container.recovery.resolve_unknown),
        ("expire authorizations", 5, container.recovery.expire),
        ("roll up balances", 2, container.ledger.roll_up),
        ("mature captured money", 5, container.maturing.run),
        ("make daily payouts", 30, container.payouts.pay_daily),
        ("send payouts", 2, container.payouts.send),
        ("time out reviews", 5, container.reviews.time_out),
        ("rebuild fraud counters", 1, container.fraud.rebuild),
        ("count rule hits", 5, container.fraud_desk.rules.count_hits),
        ("open risk alerts", 2, container.risk.watch),
        ("prune quotes", 3600, lambda: container.fx.prune_quotes(_QUOTE_RETENTION)),
        ("prune idempotency keys", 600, lambda: container.recovery.prune_keys(_KEY_RETENTION)),
        ("create partitions", 86_400, create_partitions),
    ]


async def serve(container: Container, stop: asyncio.Event) -> None:
    """Run every task at its pace until told to stop; a task that fails is tried again and stops no other."""
    await container.open()
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks(container):
                group.create_task(_repeat(task, stop))
    finally:
        await container.close()


async def _repeat(task: Task, stop: asyncio.Event) -> None:
    name, seconds, run_once = task
    while not stop.is_set():
        try:
            done = await run_once()
            if done:
                _log.info("%s: %d", name, done)
        except Exception:  # noqa: BLE001 - a task that fails stops no other
            _log.exception("%s failed; it runs again in %s s", name, seconds)
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


def run(settings: Settings) -> None:
    """Run the worker until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(Container(settings), stop)

    asyncio.run(main())
