"""When a failed delivery is tried again. Pure."""

import random

# Seconds before each attempt, counted from the one before it: those of Standard Webhooks, about three days together.
SCHEDULE = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)

_JITTER = 0.1
_MAX_RETRY_AFTER = 86_400


def delay(tries: int, retry_after: int | None) -> float | None:
    """Return the seconds until the next attempt, after ``tries`` failed ones; None after the last.

    What an endpoint asks for (``Retry-After``) is honored, up to a day, where it is later than the schedule.
    """
    if tries >= len(SCHEDULE):
        return None
    planned = SCHEDULE[tries] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - it only spreads load
    return max(planned, min(retry_after or 0, _MAX_RETRY_AFTER))
