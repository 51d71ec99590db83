"""What a process has to be told about its logs, metrics and traces, and how these start and stop."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from shared import logs
from shared.loop_lag import watch_lag
from shared.metrics import Registry
from shared.tracing import Tracing


class TelemetrySettings(BaseSettings):
    """Part of the settings of both services.

    Shapes:
        metrics_port: where Prometheus scrapes; none keeps it closed.
        otlp_endpoint: base address of an OpenTelemetry collector; none records no traces.
    """

    log_format: logs.Format = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(gt=0, lt=65_536)] | None = None
    otlp_endpoint: str | None = None


class Telemetry:
    """The metrics and traces of one process."""

    def __init__(
        self, service: str, settings: TelemetrySettings, registry: Registry, *, trace_ratio: float = 0.0
    ) -> None:
        """Take the name that traces show, who measures, and the share of requests whose traces begin here."""
        self.registry = registry
        endpoint = settings.otlp_endpoint
        self.tracing = Tracing.to(endpoint, service, trace_ratio) if endpoint is not None else None
        self._settings = settings
        self._watch: asyncio.Task[None] | None = None
        self._stop_serving: Callable[[], None] | None = None

    def open(self) -> None:
        """Where a port is set, answer scrapes, and watch the event loop for them."""
        if self._settings.metrics_port is not None:
            from shared.exposition import serve  # noqa: PLC0415 - Lambda does without it

            self._watch = asyncio.create_task(watch_lag(self.registry))
            self._stop_serving = serve(self.registry, self._settings.metrics_host, self._settings.metrics_port)

    async def close(self) -> None:
        """Close the port and send what spans are left."""
        if self._watch is not None:
            self._watch.cancel()
        if self._stop_serving is not None:
            await asyncio.to_thread(self._stop_serving)
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)
