"""Who waits for events hears of them at once, through Redis; whoever hears nothing looks by itself every now and then.

    payments:events      a commit left events in the outbox        wakes the worker that numbers them
    payments:sequenced   events got their numbers                  wakes streams and webhooks

A message says "look", never what there is to see, so losing one costs time and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from payments.events.schemas import Stream

_log = logging.getLogger(__name__)

COMMITTED = "payments:events"
SEQUENCED = "payments:sequenced"

# More streams than this in one message: everybody looks.
_MAX_NAMED = 500
_EVERYBODY = b"*"
_RETRY_SECONDS = 1.0
# The most that one process announces: twenty messages a second. Nobody waits for the second of two: whoever gives out
# numbers makes a longer pause between two of its looks.
_PAUSE_SECONDS = 0.05


class Publisher(Protocol):
    """A connection to Redis that takes one command at a time."""

    def call(self, *arguments: bytes | str | int) -> Awaitable[object]:
        """Send a command and return its reply."""

    async def close(self) -> None:
        """Disconnect."""


class Announcer:
    """Publishes; a Redis that is gone is no error."""

    def __init__(self, publisher: Publisher) -> None:
        """Take the connection; nothing connects yet."""
        self._publisher = publisher
        self._committed = False
        self._task: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Say that a commit left events, without waiting; what is said while a message is under way goes together."""
        self._committed = True
        if self._task is None:
            self._task = asyncio.create_task(self._announce())

    async def sequenced(self, streams: Collection[Stream]) -> None:
        """Say whose events got their numbers."""
        await self._publish(SEQUENCED, encode(streams))

    async def close(self) -> None:
        """Finish the message under way, then disconnect."""
        if self._task is not None:
            await self._task
        await self._publisher.close()

    async def _announce(self) -> None:
        try:
            while self._committed:
                self._committed = False
                await self._publish(COMMITTED, b"")
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._task = None

    async def _publish(self, channel: str, message: bytes) -> None:
        with suppress(Exception):  # whoever waits looks by itself
            await self._publisher.call("PUBLISH", channel, message)


def encode(streams: Collection[Stream]) -> bytes:
    """Return a message that names streams."""
    if len(streams) > _MAX_NAMED:
        return _EVERYBODY
    return b" ".join(b"%s%d" % (stream.merchant_id.hex.encode(), stream.livemode) for stream in streams)


def decode(message: bytes) -> list[Stream] | None:
    """Return the streams that a message names; None for all of them."""
    try:
        return [Stream(UUID(word[:-1]), word.endswith("1")) for word in message.decode().split()]
    except ValueError:
        return None


class Listener:
    """Calls back for every message of some channels, for as long as a task runs ``listen``."""

    def __init__(self, url: str) -> None:
        """Take Redis' URL."""
        self._url = url

    async def listen(self, callbacks: Mapping[str, Callable[[bytes], None]]) -> None:
        """Subscribe, call back, and connect again whenever the connection is lost; runs until cancelled."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - Lambda never listens, and does without the library

        while True:
            try:
                await self._follow(callbacks)
            except (RedisError, OSError) as error:
                _log.debug("no wake-ups from Redis: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, callbacks: Mapping[str, Callable[[bytes], None]]) -> None:
        from redis.asyncio import Redis  # noqa: PLC0415 - the same

        async with Redis.from_url(self._url, socket_connect_timeout=1) as client, client.pubsub() as channel:
            await channel.subscribe(*callbacks)
            for callback in callbacks.values():
                callback(_EVERYBODY)  # messages may have been missed until now
            async for message in channel.listen():
                if message["type"] == "message":
                    callbacks[message["channel"].decode()](message["data"])
