"""The chapters of the demo, in the order in which they are told. Each is a module with a TITLE and a `play(stage)`."""

from typing import Protocol

from payments.devtools.demo.chapters import (
    books,
    capture,
    currencies,
    decline,
    fraud,
    limits,
    pay,
    refunds,
    replay,
    settlement,
    webhooks,
)
from payments.devtools.demo.stage import Stage


class Chapter(Protocol):
    """A module that tells one part of the story."""

    TITLE: str

    def play(self, stage: Stage) -> None:
        """Send the requests of this part and check their answers."""


CHAPTERS: tuple[Chapter, ...] = (
    pay,
    decline,
    capture,
    refunds,
    replay,
    books,
    fraud,
    limits,
    currencies,
    settlement,
    webhooks,
)
