"""How much is worked on at once: beyond that, a request is turned away at once instead of making all of them slow."""

from gateway.policies import RouteClass
from shared.problems import Problem

# Whoever looks after the platform gets in while it is overloaded.
ADMIN_PLACES = 16


class Admission:
    """Places for requests that wait for payments; those of administrators are their own."""

    def __init__(self, places: int) -> None:
        """Take how many requests of merchants may be under way at once."""
        self._places: dict[RouteClass, int] = {"write": places, "read": places, "admin": ADMIN_PLACES}
        self.under_way: dict[RouteClass, int] = {"write": 0, "read": 0, "admin": 0}
        self.shed = 0

    def check(self, kind: RouteClass) -> None:
        """Raise 503 when there is no place; costs next to nothing, so it comes before everything else."""
        if self.free(kind) <= 0:
            self.shed += 1
            raise overloaded()

    def free(self, kind: RouteClass) -> int:
        """Return how many more requests can be worked on."""
        busy = self.under_way
        return self._places[kind] - (busy["admin"] if kind == "admin" else busy["write"] + busy["read"])

    def enter(self, kind: RouteClass) -> None:
        """Take a place, or raise 503."""
        self.check(kind)
        self.under_way[kind] += 1

    def leave(self, kind: RouteClass) -> None:
        """Give the place back."""
        self.under_way[kind] -= 1


def overloaded() -> Problem:
    """Return the answer to whoever finds no place."""
    return Problem(
        503,
        "overloaded",
        "Too many requests are under way. Nothing was done; repeat the request a little later.",
        retryable=True,
        headers={"Retry-After": "1"},
    )
