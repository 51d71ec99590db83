"""An ASGI application as a Lambda function behind an API Gateway HTTP API (payload format 2.0).

What is expensive is made on the first invocation and lives as long as the execution environment: connections, keys and
the event loop they belong to. Nothing happens at import, so a snapshot of a fresh environment (SnapStart) holds no
connection, no secret and no random state that matters: ``shared.snapshots`` sees to the rest.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from starlette.types import ASGIApp

from shared import logs, snapshots
from shared.cloudwatch import CloudWatch
from shared.metrics import Metric, Registry
from shared.problems import MEDIA_TYPE
from shared.xray import annotated

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

Event = dict[str, Any]

_SETTLE_SECONDS = 1.0


class Environment:
    """One execution environment: its event loop, its logger, and what it measures."""

    def __init__(self, catalogue: Iterable[Metric]) -> None:
        """Take what there is to measure."""
        snapshots.prepare()
        self._cloudwatch = CloudWatch(catalogue)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resting: set[asyncio.Task[Any]] = set()
        self._logger: Logger | None = None

    @property
    def registry(self) -> Registry:
        """Who measures; metrics are written when an invocation ends."""
        return self._cloudwatch.registry

    @contextmanager
    def invocation(self, context: Any, correlation_id: str | None = None) -> Iterator[None]:  # noqa: ANN401
        """Say in every log line which invocation it belongs to, and write at its end what was measured."""
        cold_start = self._logger is None
        service = os.environ.get("POWERTOOLS_SERVICE_NAME", "lambda")
        logger = self._logger = self._logger or logs.configure_json(service)
        logger.append_keys(cold_start=cold_start, function_request_id=context.aws_request_id)
        correlation_id = correlation_id or context.aws_request_id
        logger.set_correlation_id(correlation_id)
        try:
            with annotated(service, correlation_id=correlation_id, cold_start=cold_start):
                yield
        finally:
            self._settle()
            self._cloudwatch.write()

    def run(self, work: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
        """Run something on the loop of this environment, always the same one."""
        return self.loop.run_until_complete(work())

    def rest(self) -> None:
        """Take what runs now for what always waits in the background: a pool for somebody to want a connection."""
        self._resting = asyncio.all_tasks(self.loop)

    def _settle(self) -> None:
        """Let what the invocation began come to its end: the environment may be frozen the moment it replies.

        What takes longer than a moment goes on when it thaws, or is lost with it like with any process that ends.
        """
        begun = asyncio.all_tasks(self.loop) - self._resting
        if begun:
            self.run(lambda: asyncio.wait(begun, timeout=_SETTLE_SECONDS))
            self.rest()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one event loop that every connection belongs to."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop


class HttpFunction:
    """Answers API Gateway's events with an application that is built on the first of them."""

    def __init__(self, build: Callable[[Registry], Awaitable[ASGIApp]], catalogue: Iterable[Metric]) -> None:
        """Take what builds the application and opens what it needs, and what there is to measure."""
        self._build = build
        self._environment = Environment(catalogue)
        self._adapter: Mangum | None = None

    def __call__(self, event: Event, context: Any) -> Event:  # noqa: ANN401 - Lambda's own class
        """Answer one request."""
        # API Gateway's own id, which its access log has too.
        with self._environment.invocation(context, event["requestContext"]["requestId"]):
            if self._adapter is None:
                self._adapter = self._built(event)
            return self._adapter(event, context)

    def _built(self, event: Event) -> Mangum:
        application = self._environment.run(lambda: self._build(self._environment.registry))
        self._environment.rest()
        return Mangum(
            application,
            lifespan="off",  # Mangum would start and stop the application around every request
            api_gateway_base_path=_stage_path(event),
            text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE],
        )


def _stage_path(event: Event) -> str:
    """Return what may stand before every path: the name of a named stage, nothing for ``$default``."""
    stage = event["requestContext"].get("stage", "$default")
    return "/" if stage == "$default" else f"/{stage}"
