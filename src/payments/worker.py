"""The worker: what happens without a request. Any number of replicas, no leader.

Every task may run anywhere, at any time, twice. They run at their own pace, and some are woken through Redis as soon as
there is something to do; without Redis they only start later.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from time import perf_counter, time

import sqlalchemy as sa

from payments.container import Container
from payments.events.wakeups import COMMITTED, SEQUENCED
from payments.settings import Settings
from shared import logs
from shared.metrics import Registry

_log = logging.getLogger(__name__)

_PARTITIONS_AHEAD = 12
_QUOTE_RETENTION = timedelta(days=30)

Task = tuple[str, float, Callable[[], Awaitable[int]]]

# Which message starts a task before its time.
_WOKEN_BY = {"sequence events": COMMITTED, "deliver webhooks": SEQUENCED}


def tasks(container: Container) -> list[Task]:
    """Return every task with its name and the seconds between two runs."""

    async def create_partitions() -> int:
        async with container.database.transaction() as connection:
            statement = sa.text("SELECT payments.ensure_partitions(:months)")
            return await connection.scalar(statement, {"months": _PARTITIONS_AHEAD}) or 0

    async def prune_keys() -> int:
        return await container.recovery.prune_keys(timedelta(days=container.settings.idempotency_key_retention_days))

    return [
        ("sequence events", 1, container.sequencer.run),
        ("deliver webhooks", 1, container.deliverer.deliver),
        ("retry webhooks", 1, container.deliverer.retry),
        ("resolve unknown outcomes", 1, container.recovery.resolve_unknown),
        ("expire authorizations", 5, container.recovery.expire),
        ("roll up balances", 2, container.ledger.roll_up),
        ("mature captured money", 5, container.maturing.run),
        ("make daily payouts", 30, container.payouts.pay_daily),
        ("send payouts", 2, container.payouts.send),
        ("tell sandbox disputes", 2, container.sandbox_disputes.tell),
        ("repeat dispute responses", 10, container.disputes.repeat_responses),
        ("time out reviews", 5, container.reviews.time_out),
        ("rebuild fraud counters", 1, container.fraud.rebuild),
        ("count rule hits", 5, container.fraud_desk.rules.count_hits),
        ("open risk alerts", 2, container.risk.watch),
        ("prune quotes", 3600, lambda: container.fx.prune_quotes(_QUOTE_RETENTION)),
        ("prune idempotency keys", 600, prune_keys),
        ("prune events", 3600, container.events.prune),
        ("prune webhook deliveries", 3600, container.webhooks.prune),
        ("measure backlogs", 5, container.vitals.backlogs),
        ("add up the books", 60, container.vitals.books),
        ("look at certificates", 3600, container.vitals.certificates),
        ("look at keys", 3600, container.vitals.keys),
        ("create partitions", 86_400, create_partitions),
    ]


async def run_once(container: Container, names: Collection[str] | None = None) -> dict[str, int | None]:
    """Run some tasks, or all, one after the other; return what each did, and None for those that failed.

    For a schedule or a queue instead of a process that stays. The container is open.

    Raises:
        ValueError: there is no task of such a name.

    """
    runs = Runs(container.telemetry.registry)
    known = {name: run for name, _, run in tasks(container)}
    if unknown := set(names or ()) - set(known):
        raise ValueError(f"no such task: {', '.join(sorted(unknown))}")
    done: dict[str, int | None] = {}
    for name, run in known.items():
        if names is None or name in names:
            done[name] = await runs.attempt(name, run)
    await container.deliverer.settle()
    return done


async def serve(container: Container, stop: asyncio.Event) -> None:
    """Run every task at its pace until told to stop; a task that fails is tried again and stops no other."""
    await container.open()
    try:
        async with asyncio.TaskGroup() as group:
            found = tasks(container)
            wakes = {name: asyncio.Event() for name, _, _ in found}
            listening = group.create_task(container.listener.listen(_callbacks(wakes)))
            runs = Runs(container.telemetry.registry)
            loops = [group.create_task(_repeat(runs, task, stop, wakes[task[0]])) for task in found]
            await stop.wait()
            for wake in wakes.values():
                wake.set()
            await asyncio.wait(loops)
            listening.cancel()
    finally:
        await container.close()


def _callbacks(wakes: dict[str, asyncio.Event]) -> dict[str, Callable[[bytes], None]]:
    def wake(name: str) -> Callable[[bytes], None]:
        return lambda _: wakes[name].set()

    return {channel: wake(name) for name, channel in _WOKEN_BY.items()}


async def _repeat(runs: "Runs", task: Task, stop: asyncio.Event, wake: asyncio.Event) -> None:
    name, seconds, run = task
    while not stop.is_set():
        wake.clear()
        done = await runs.attempt(name, run)
        if done:
            _log.info("%s: %d", name, done)
        try:
            await asyncio.wait_for(wake.wait(), seconds)
        except TimeoutError:
            continue


class Runs:
    """Runs tasks, and counts how they end."""

    def __init__(self, registry: Registry) -> None:
        """Take what counts."""
        self._seconds = registry.histogram("payments_task_seconds")
        self._failures = registry.counter("payments_task_failures_total")
        self._success = registry.gauge("payments_task_success_timestamp_seconds")

    async def attempt(self, name: str, run: Callable[[], Awaitable[int]]) -> int | None:
        """Run a task; none if it failed, which stops no other."""
        failures, begun = self._failures.of(name), perf_counter()
        try:
            done = await run()
        except Exception:  # noqa: BLE001 - a task that fails stops no other
            _log.exception("%s failed; it runs again", name)
            failures.inc()
            return None
        self._seconds.of(name).observe(perf_counter() - begun)
        self._success.of(name).set(time())
        return done


def run(settings: Settings) -> None:
    """Run the worker until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(Container(settings, process="worker"), stop)

    logs.configure("worker", settings.log_format)
    asyncio.run(main())
