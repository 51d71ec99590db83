"""What requests of one class go through on their way to payments: a place, a circuit, a time-out."""

from http import HTTPStatus

from gateway.admission import Admission
from gateway.breaker import Circuit
from gateway.policies import Quota, RouteClass
from gateway.upstream import Request, Response, Upstream, UpstreamError

_FAILING = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class Lane:
    """One class of routes."""

    def __init__(
        self,
        kind: RouteClass,
        *,
        upstream: Upstream,
        admission: Admission,
        circuit: Circuit,
        quota: Quota,
        timeout: float,
    ) -> None:
        """Take the collaborators; ``timeout`` is how many seconds payments may take to start an answer."""
        self.kind = kind
        self.quota = quota
        self.timeout = timeout
        self._upstream = upstream
        self._admission = admission
        self._circuit = circuit
        # Payments gives up a little before we do, so that its answer still gets here.
        self.deadline = (b"x-request-timeout", b"%d" % max(1, int(timeout * 900)))

    def check(self) -> None:
        """Raise 503 at once if there is no way through."""
        self._circuit.check()
        self._admission.check(self.kind)

    async def send(self, request: Request) -> Response:
        """Send a request to payments.

        Raises:
            Problem: 503, there is no way through.
            UpstreamError: there is no answer.

        """
        self._admission.enter(self.kind)
        try:
            probe = self._circuit.enter()
            try:
                response = await self._upstream.send(request)
            except UpstreamError:
                self._circuit.leave(probe=probe, failed=True)
                raise
            except BaseException:
                self._circuit.abandon(probe=probe)
                raise
            self._circuit.leave(probe=probe, failed=response.status in _FAILING)
            return response
        finally:
            self._admission.leave(self.kind)
