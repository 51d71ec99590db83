"""Time as a collaborator, so that expiry can be tested without waiting for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks: ``wall`` (epoch seconds) for tokens, ``steady`` (never goes back) for everything measured."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
