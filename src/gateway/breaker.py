"""A circuit towards payments for one class of routes: when most requests fail, the rest are answered at once.

closed ──half of at least 20 failed within 5 to 10 s──▶ open ──5 s──▶ half open ──3 probes succeed──▶ closed
                                                          ▲───────────one probe fails──────┘

Half open, one probe at a time goes through. An administrator can force a circuit open or closed.
"""

from typing import Literal

from gateway.clock import Clock
from gateway.policies import RouteClass
from shared.problems import Problem

WINDOW_SECONDS = 5.0
LEAST_REQUESTS = 20
OPEN_SECONDS = 5.0
_PROBES = 3

State = Literal["closed", "open", "half_open"]
Forced = Literal["closed", "open"]


class Circuit:
    """What one replica knows."""

    def __init__(self, kind: RouteClass, clock: Clock) -> None:
        """Start closed."""
        self.kind = kind
        self.forced: Forced | None = None
        self.rejected = 0
        self.requests = self.failures = 0  # since they were reported to the other replicas
        self._clock = clock
        self._open_until: float | None = None
        self._probing = False
        self._proved = 0
        self._window = (0.0, 0, 0, 0, 0)  # its end, requests and failures, those of the window before

    @property
    def state(self) -> State:
        """Say what happens to the next request."""
        if self.forced is not None:
            return self.forced
        if self._open_until is None:
            return "closed"
        return "open" if self._clock.steady() < self._open_until else "half_open"

    def check(self) -> None:
        """Raise 503 when the circuit is open."""
        if self._open_until is None and self.forced is None:
            return
        if self.state == "open":
            until = self._open_until or 0.0
            raise self._rejection(max(1, round(until - self._clock.steady())) if self.forced is None else 5)

    def enter(self) -> bool:
        """Tell whether this request is a probe, or raise 503."""
        self.check()
        if self.state != "half_open":
            return False
        if self._probing:
            raise self._rejection(1)
        self._probing = True
        return True

    def leave(self, *, probe: bool, failed: bool) -> None:
        """Note what became of a request."""
        self.requests += 1
        self.failures += failed
        if probe:
            self._probing = False
            self._proved = 0 if failed else self._proved + 1
            if failed:
                self.open_for(OPEN_SECONDS)
            elif self._proved >= _PROBES:
                self._open_until = None
        elif self._open_until is None:
            self._count(failed=failed)

    def abandon(self, *, probe: bool) -> None:
        """Note that nobody will know what became of a request."""
        if probe:
            self._probing = False

    def open_for(self, seconds: float) -> None:
        """Open, here or because the other replicas did."""
        self._open_until = self._clock.steady() + seconds
        self._proved = 0
        self._window = (0.0, 0, 0, 0, 0)

    def _count(self, *, failed: bool) -> None:
        end, requests, failures, requests_before, failures_before = self._window
        now = self._clock.steady()
        if now >= end:
            fresh = now < end + WINDOW_SECONDS
            requests_before, failures_before = (requests, failures) if fresh else (0, 0)
            end, requests, failures = now + WINDOW_SECONDS, 0, 0
        requests, failures = requests + 1, failures + failed
        self._window = (end, requests, failures, requests_before, failures_before)
        total = requests + requests_before
        if failed and total >= LEAST_REQUESTS and 2 * (failures + failures_before) >= total:
            self.open_for(OPEN_SECONDS)

    def _rejection(self, seconds: int) -> Problem:
        self.rejected += 1
        return Problem(
            503,
            "circuit_open",
            "The service behind this route is failing, so it is left alone for a moment. Nothing was done.",
            retryable=True,
            headers={"Retry-After": str(seconds)},
        )
