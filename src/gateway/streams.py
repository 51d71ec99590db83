"""Answers that go on for long, and what ends them: the client leaves, its credential ends, or this gateway stops."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from starlette.types import Receive, Scope

from gateway.auth import Authenticator
from gateway.upstream import Header, Stream
from shared.asgi import STOPPING
from shared.problems import Problem

_log = logging.getLogger(__name__)

# With the two seconds that a verdict is remembered, a stream ends within four seconds of its key.
RECHECK_SECONDS = 2.0


class Streams:
    """Watches over answers that go on."""

    def __init__(self, authenticator: Authenticator) -> None:
        """Take what tells whether a credential is still good."""
        self._authenticator = authenticator
        self.open = 0

    async def watch(
        self, stream: Stream, headers: Sequence[Header], scope: Scope, authorization: bytes | None, receive: Receive
    ) -> None:
        """Give an answer up when it is over; runs beside it."""
        ends: list[Coroutine[Any, Any, object]] = [_gone(receive), self._credential_ended(authorization)]
        stopping: asyncio.Event | None = scope.get("state", {}).get(STOPPING)
        if stopping is not None and _endless(headers):
            ends.append(stopping.wait())
        tasks = [asyncio.create_task(end) for end in ends]
        self.open += 1
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await stream.aclose()
        finally:
            self.open -= 1
            for task in tasks:
                task.cancel()

    async def _credential_ended(self, authorization: bytes | None) -> None:
        """Return when the credential is no longer good, or cannot be verified any more."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._authenticator.authenticate(authorization)
            except Problem as problem:
                _log.info("a stream ends because its credential does: %s", problem.code)
                return


def _endless(headers: Sequence[Header]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


async def _gone(receive: Receive) -> None:
    """Return when the client has left: nobody says so but this."""
    while (await receive())["type"] != "http.disconnect":
        pass
