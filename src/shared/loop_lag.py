"""How late the event loop runs what is due: the first thing to rise when a process has too much to do."""

import asyncio

from shared.metrics import Metric, Registry

_EVERY_SECONDS = 0.5

LAG = Metric(
    "event_loop_lag_seconds",
    "histogram",
    "how late a timer rang that is set twice a second",
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 1.0),
    dimensions=None,
)


async def watch_lag(registry: Registry) -> None:
    """Measure until cancelled."""
    lag = registry.histogram(LAG.name).of()
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY_SECONDS
        await asyncio.sleep(_EVERY_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
