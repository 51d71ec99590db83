"""Real workers that a test kills."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from typing import Self

from payments.settings import Settings
from tests.support import environment_of


class Workers:
    """Any number of worker processes on one database."""

    def __init__(self, settings: Settings, *, database_url: str | None = None) -> None:
        """Take the settings; another URL leads them to the database by another way."""
        self._environment = os.environ | environment_of(settings)
        if database_url is not None:
            self._environment["PAYMENTS_DATABASE_URL"] = database_url
        self.alive: list[int] = []

    async def __aenter__(self) -> Self:
        self._zygote = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.webhooks.zygote"),
            env=self._environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in list(self.alive):
            self.kill(worker)
        self._zygote.kill()
        await self._zygote.wait()

    async def start(self) -> int:
        """Start one more; returns its process id."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(b"\n")
        worker = int(await self._zygote.stdout.readline())
        self.alive.append(worker)
        return worker

    def kill(self, worker: int) -> None:
        """`kill -9`."""
        self.alive.remove(worker)
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
