"""An ASGI application as a Lambda function behind an API Gateway HTTP API (payload format 2.0).

What is expensive is made on the first invocation and lives as long as the execution environment: connections, keys and
the event loop they belong to. Nothing happens at import, so a snapshot of a fresh environment holds no connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from starlette.types import ASGIApp

from shared.problems import MEDIA_TYPE

Event = dict[str, Any]


class Environment:
    """One execution environment: its event loop, and what was built in it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
        """Run something on the loop of this environment, always the same one."""
        return self.loop.run_until_complete(work())

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one event loop that every connection belongs to."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop


class HttpFunction:
    """Answers API Gateway's events with an application that is built on the first of them."""

    def __init__(self, build: Callable[[], Awaitable[ASGIApp]]) -> None:
        """Take what builds the application and opens what it needs."""
        self._build = build
        self._environment = Environment()
        self._adapter: Mangum | None = None

    def __call__(self, event: Event, context: Any) -> Event:  # noqa: ANN401 - Lambda's own class
        """Answer one request."""
        if self._adapter is None:
            application = self._environment.run(self._build)
            self._adapter = Mangum(
                application,
                lifespan="off",  # Mangum would start and stop the application around every request
                api_gateway_base_path=_stage_path(event),
                text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE],
            )
        return self._adapter(event, context)


def _stage_path(event: Event) -> str:
    """Return what may stand before every path: the name of a named stage, nothing for ``$default``."""
    stage = event["requestContext"].get("stage", "$default")
    return "/" if stage == "$default" else f"/{stage}"
