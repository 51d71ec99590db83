"""Which connector serves a payment: chosen by mode when it is made, by its stored name ever after."""

from collections.abc import Iterable

from payments.connectors.port import Connector
from shared.problems import Problem


class Registry:
    """Every configured connector, at most one per name and mode."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        """Index the connectors; among several of one mode, the first is the default."""
        self._named: dict[tuple[str, bool], Connector] = {}
        self._default: dict[bool, Connector] = {}
        for connector in connectors:
            livemode = connector.capabilities.livemode
            if (connector.name, livemode) in self._named:
                msg = f"two connectors are named {connector.name!r} with livemode={livemode}"
                raise ValueError(msg)
            self._named[connector.name, livemode] = connector
            self._default.setdefault(livemode, connector)

    @property
    def names(self) -> frozenset[str]:
        """Return the name of every acquirer."""
        return frozenset(name for name, _ in self._named)

    def connector_for(self, *, livemode: bool) -> Connector:
        """Return the connector for a new payment.

        Raises:
            Problem: 422 ``no_acquirer``, nothing is configured for this mode.

        """
        connector = self._default.get(livemode)
        if connector is None:
            mode = "live" if livemode else "test"
            raise Problem(422, "no_acquirer", f"No acquirer is configured for {mode} payments, so none can be made.")
        return connector

    def find(self, name: str, *, livemode: bool) -> Connector | None:
        """Return a configured connector, or None."""
        return self._named.get((name, livemode))

    def named(self, name: str, *, livemode: bool) -> Connector:
        """Return the connector that a stored payment was sent to.

        Raises:
            Problem: 503 ``no_acquirer``, it is no longer configured; the payment stays as it is.

        """
        connector = self.find(name, livemode=livemode)
        if connector is None:
            detail = f"This payment belongs to the acquirer {name}, which is not configured at the moment."
            raise Problem(503, "no_acquirer", detail, retryable=True)
        return connector
