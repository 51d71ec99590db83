"""Live streams of events (server-sent events): one task per client, one subscription and one look a second per process.

A stream that is woken reads what came after its cursor, as a list or a webhook would; so it misses nothing, whatever
became of the message that woke it. An idle one costs a heartbeat.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from payments.events.schemas import Stored, Stream
from payments.events.service import Events
from payments.events.wakeups import SEQUENCED, Listener, decode
from shared.asgi import STOPPING
from shared.problems import Problem

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 1.0
_PAGE = 100
_MAX_PER_MERCHANT = 100
_MAX_PER_PROCESS = 5_000
# For streams that end: what one answer may hold, and when the client should come back.
_MAX_PAGES = 10
_RETRY_MILLISECONDS = 3_000
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


@dataclass(eq=False, slots=True)
class _Follower:
    """One open stream."""

    stream: Stream
    cursor: int
    types: frozenset[str] | None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def end(self) -> None:
        self.over = True
        self.wake.set()


class _Frames(NamedTuple):
    """Some events as they are sent, where they end, and whether there are more."""

    content: bytes
    end: int
    more: bool


class Streams:
    """The open streams of this process, and what wakes them."""

    def __init__(self, events: Events, listener: Listener, *, follow: bool = True) -> None:
        """Nothing connects before the first stream.

        Without ``follow``, a stream sends what there is and ends, and clients come back with their cursor: on Lambda
        an answer is sent when it is complete.
        """
        self._follow = follow
        self._events = events
        self._listener = listener
        self._followers: dict[Stream, set[_Follower]] = {}
        self._reads: dict[Stream, dict[tuple[int, frozenset[str] | None], asyncio.Task[_Frames]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Event | None = None

    async def open(self, stream: Stream, cursor: int | None, types: frozenset[str] | None) -> Response:
        """Return the response that streams events after a cursor, or from now on.

        Raises:
            Problem: 429 when there are too many streams.

        """
        count = len(self._followers.get(stream, ()))
        if count >= _MAX_PER_MERCHANT or sum(map(len, self._followers.values())) >= _MAX_PER_PROCESS:
            raise Problem(
                429,
                "too_many_streams",
                f"A merchant has at most {_MAX_PER_MERCHANT} streams at a time; close one, or try again later.",
                retryable=True,
                headers={"Retry-After": "30"},
            )
        end = (await self._events.ends([stream])).get(stream, 0)
        cursor = end if cursor is None else min(cursor, end)
        follower = _Follower(stream, cursor, types)
        return _EventStream(self, follower) if self._follow else await self._all_there_is(follower)

    async def _all_there_is(self, follower: _Follower) -> Response:
        body = [b"retry: %d\nid: %d\n\n" % (_RETRY_MILLISECONDS, follower.cursor)]
        for _ in range(_MAX_PAGES):
            frames = await self.read(follower)
            body.append(frames.content)
            if not frames.more:
                break
        body.append(b": come back for more\nid: %d\n\n" % follower.cursor)
        headers = {name.decode(): value.decode() for name, value in _HEADERS}
        return Response(b"".join(body), headers=headers)

    async def close(self) -> None:
        """End every stream."""
        self._end_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def add(self, follower: _Follower, stopping: asyncio.Event | None) -> None:
        """Wake a follower from now on."""
        self._followers.setdefault(follower.stream, set()).add(follower)
        if not self._tasks:
            wake = asyncio.create_task(self._listener.listen({SEQUENCED: self._on_message}))
            self._tasks = [wake, asyncio.create_task(self._look_around())]
        if stopping is not None and self._stopping is not stopping:
            self._stopping = stopping
            self._tasks.append(asyncio.create_task(self._end_with(stopping)))

    def remove(self, follower: _Follower) -> None:
        """Forget a follower."""
        others = self._followers.get(follower.stream, set())
        others.discard(follower)
        if not others:
            self._followers.pop(follower.stream, None)

    async def read(self, follower: _Follower) -> _Frames:
        """Return what comes next for a follower, and move its cursor; who is at the same place reads together."""
        reads = self._reads.setdefault(follower.stream, {})
        place = (follower.cursor, follower.types)
        reading = reads.get(place)
        if reading is None:
            reading = reads[place] = asyncio.create_task(self._read(follower.stream, *place))
            reading.add_done_callback(lambda _: reads.pop(place, None))
        frames = await asyncio.shield(reading)
        follower.cursor = frames.end
        return frames

    async def _read(self, stream: Stream, cursor: int, types: frozenset[str] | None) -> _Frames:
        found, end = await self._events.after(stream, cursor, _PAGE, types)
        return _Frames(b"".join(map(_frame, found)), end, more=len(found) == _PAGE)

    def _on_message(self, message: bytes) -> None:
        named = decode(message)
        for stream in self._followers if named is None else named:
            self._wake(stream)

    def _wake(self, stream: Stream) -> None:
        self._reads.pop(stream, None)  # one that is under way may not see what there is now
        for follower in self._followers.get(stream, ()):
            follower.wake.set()

    async def _look_around(self) -> None:
        """Find events that no message told of: Redis may be away."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._followers:
                continue
            try:
                ends = await self._events.ends(self._followers)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may work
                _log.warning("streams were not looked after: %s", type(error).__name__)
                continue
            for stream, end in ends.items():
                if any(follower.cursor < end for follower in self._followers.get(stream, ())):
                    self._wake(stream)

    async def _end_with(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._end_all()

    def _end_all(self) -> None:
        for group in self._followers.values():
            for follower in group:
                follower.end()


class _EventStream(Response):
    """The response: sends what there is, then waits to be woken."""

    def __init__(self, streams: Streams, follower: _Follower) -> None:
        super().__init__(media_type="text/event-stream")
        self._streams = streams
        self._follower = follower

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        follower = self._follower
        self._streams.add(follower, scope.get("state", {}).get(STOPPING))
        leaving = asyncio.create_task(_end_when_gone(receive, follower))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await send(_body(b": you get events from here on\nid: %d\n\n" % follower.cursor))
            await self._follow(send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._streams.remove(follower)
            leaving.cancel()

    async def _follow(self, send: Send) -> None:
        follower = self._follower
        while not follower.over:
            follower.wake.clear()
            try:
                frames = await self._streams.read(follower)
            except Exception as error:  # noqa: BLE001 - the client comes back with its cursor
                _log.warning("a stream ends: %s", type(error).__name__)
                return
            if frames.content:
                await send(_body(frames.content))
            while not (frames.more or follower.wake.is_set()):
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await follower.wake.wait()
                except TimeoutError:
                    # With the cursor: a reader of a few types then need not go through all the others again.
                    await send(_body(b": still here\nid: %d\n\n" % follower.cursor))


async def _end_when_gone(receive: Receive, follower: _Follower) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    follower.end()


def _frame(event: Stored) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.sequence, event.type.encode(), event.show())


def _body(content: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": content, "more_body": True}
