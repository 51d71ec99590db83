"""Rate, errors and duration of requests by route, and how many are under way: the same for both services."""

from collections.abc import Iterable
from time import perf_counter

from starlette.types import Scope

from shared.context import current
from shared.metrics import Histogram, Label, Metric, Registry
from shared.permissions import PERMISSIONS
from shared.tracing import describe

# Around the objective of 200 ms, and few: each is a series for every route and status.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)

ROUTES = frozenset(route.partition(" ")[2] for route in PERMISSIONS)
HEALTH = ("/health/live", "/health/ready")
_MOST_CELLS = 5_000
# Templates, and room for a few more: each is a series in CloudWatch.
_ROUTES = 100
# Whatever is not there, of which clients invent as much as they like.
UNROUTED = "unrouted"


def red_metrics(service: str) -> tuple[Metric, ...]:
    """Return the definitions for one service."""
    labels = (Label("method", most=8), Label("route", most=_ROUTES), Label("status", most=40))
    return (
        Metric(
            f"{service}_http_request_duration_seconds",
            "histogram",
            "from a request's arrival to the end of its answer (of a stream: its beginning), by the route's template",
            labels,
            _SECONDS,
            # On Lambda both services answer the same requests in one process.
            dimensions=("route",) if service == "gateway" else None,
        ),
        Metric(f"{service}_http_requests_in_flight", "gauge", "requests that are not answered yet", dimensions=None),
    )


# No answer was sent, because nobody was there any more; what proxies write into their logs in this case.
CLIENT_GONE = 499


class Templates:
    """Finds the template of a path: ``/v1/payments/{payment}`` for every payment."""

    def __init__(self, templates: Iterable[str]) -> None:
        """Take every template there is; ``{name:path}`` stands for all that is left of a path."""
        self._plain: dict[str, str] = {}
        self._by_length: dict[int, list[tuple[list[str], str]]] = {}
        self._open: list[tuple[str, str]] = []
        for template in templates:
            before, brace, _ = template.partition("{")
            if not brace:
                self._plain[template] = template
            elif template.endswith(":path}"):
                self._open.append((before, template))
            else:
                segments = template.split("/")
                self._by_length.setdefault(len(segments), []).append((segments, template))

    def of(self, path: str) -> str:
        """Return the template, ``unrouted`` if there is none."""
        found = self._plain.get(path)
        return found if found is not None else self._search(path)

    def _search(self, path: str) -> str:
        segments = path.split("/")
        for wanted, template in self._by_length.get(len(segments), ()):
            if all(want == have or want[:1] == "{" for want, have in zip(wanted, segments, strict=True)):
                return template
        return next((template for before, template in self._open if path.startswith(before)), UNROUTED)


class Answer:
    """One request under way. Whoever begins it ends it, and ending it twice is harmless."""

    __slots__ = ("_begun", "_requests", "_scope", "status")

    def __init__(self, requests: "Requests", scope: Scope) -> None:
        self.status = CLIENT_GONE
        self._requests: Requests | None = requests
        self._scope = scope
        self._begun = perf_counter()

    def end(self) -> None:
        """Count it: it is answered, or its answer has begun and nobody knows when it ends."""
        if self._requests is not None:
            self._requests.done(self._scope, self.status, perf_counter() - self._begun)
            self._requests = None


class Requests:
    """Counts the requests of one service."""

    def __init__(self, registry: Registry, service: str, templates: Templates) -> None:
        self.in_flight = registry.gauge(f"{service}_http_requests_in_flight").of()
        self._template = templates.of
        self._durations = registry.histogram(f"{service}_http_request_duration_seconds")
        # By what is at hand already, so that no text is made per request.
        self._cells: dict[tuple[str, str, int], Histogram] = {}

    def begin(self, scope: Scope) -> Answer:
        """Begin to answer a request."""
        self.in_flight.value += 1
        return Answer(self, scope)

    def done(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.in_flight.value -= 1
        method, route = scope["method"], self._template(scope["path"])
        cell = self._cells.get((method, route, status))
        if cell is None:
            cell = self._durations.of(method, route, str(status))
            # A client may invent methods; beyond the bound they all share a cell.
            if len(self._cells) < _MOST_CELLS:
                self._cells[method, route, status] = cell
        cell.observe(seconds)
        request = current.get()
        if request is not None and request.tracer is not None:
            describe(method, route, status)
