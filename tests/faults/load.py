"""Many clients at once, and what each of them was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import httpx2

Post: TypeAlias = Callable[[str], Awaitable[httpx2.Response]]


class Load:
    """Posts each key once, several at a time; a client that hears nothing at all has no answer."""

    def __init__(self, keys: Sequence[str], post: Post) -> None:
        """Take the keys, and what posts one."""
        self.keys = keys
        self.answers: dict[str, httpx2.Response] = {}
        self._post = post
        self._left = list(keys)
        self._some = asyncio.Event()
        self.unsure = asyncio.Event()  # somebody did not get a payment

    @asynccontextmanager
    async def running(self, *, clients: int, until: int) -> AsyncIterator[None]:
        """Enter when ``until`` answers have come, with the clients still at work; leave when all are done."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(until))
            await self._some.wait()
            yield

    async def _client(self, until: int) -> None:
        while self._left:
            key = self._left.pop()
            try:
                self.answers[key] = await self._post(key)
            except httpx2.TransportError:
                continue  # the service is gone
            if self.answers[key].status_code != 201:
                self.unsure.set()
            if len(self.answers) == until:
                self._some.set()

    def done(self) -> dict[str, bytes]:
        """Return the bodies of the payments that clients know of."""
        return {key: answer.content for key, answer in self.answers.items() if answer.status_code == 201}

    def check_the_others_know_that_they_do_not_know(self) -> None:
        """Whoever was not told of a payment was told that there may be one."""
        for answer in self.answers.values():
            if answer.status_code != 201:
                problem = answer.json()
                assert (problem["effect"], problem["retryable"]) == ("unknown", True), problem

    async def repeat(self, post: Post) -> dict[str, httpx2.Response]:
        """Post every key again; return the answers."""
        answers = await asyncio.gather(*(post(key) for key in self.keys))
        return dict(zip(self.keys, answers, strict=True))

    def check_repeated(self, again: dict[str, httpx2.Response]) -> None:
        """Every key has its payment now, and whoever knew of it before was told the truth."""
        assert {answer.status_code for answer in again.values()} == {201}
        assert {answer.json()["status"] for answer in again.values()} == {"captured"}
        assert {key: again[key].content for key in self.done()} == self.done()
