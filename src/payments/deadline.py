"""How long whoever asked waits for an answer: work that has not begun by then is not begun at all."""

from contextvars import ContextVar
from time import monotonic

from shared.problems import Problem

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_timeout(milliseconds: bytes | None) -> None:
    """Note how many milliseconds are left, as the gateway says."""
    if milliseconds is not None and milliseconds.isdigit():
        _deadline.set(monotonic() + int(milliseconds) / 1000)


def current() -> float | None:
    """Return the moment until which an answer is waited for, on the steady clock; none if nobody said."""
    return _deadline.get()


def too_late() -> Problem:
    """Return the answer for work that was not begun in time."""
    return Problem(
        503,
        "unavailable",
        "There was more to do than could be done in time, so this was not begun. Repeat the request.",
        retryable=True,
        headers={"Retry-After": "1"},
    )
