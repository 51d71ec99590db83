"""Looks at what no request shows: backlogs, unknown outcomes, the books, certificates, keys. Tasks of the worker."""

import asyncio
import ssl
from collections.abc import Sequence

from payments.events.sequencer import Sequencer
from payments.key_ages.service import KeyAges
from payments.ledger.service import Ledger
from payments.payments.recovery import Recovery
from payments.reconciliation.service import Reconciliation
from payments.webhooks.deliverer import Deliverer
from shared.metrics import Registry

_TLS_PORT = 443
_CONNECT_SECONDS = 5.0


class Vitals:
    """Sets gauges; several workers set the same ones, and rules take the largest."""

    def __init__(
        self,
        registry: Registry,
        *,
        recovery: Recovery,
        sequencer: Sequencer,
        deliverer: Deliverer,
        ledger: Ledger,
        reconciliation: Reconciliation,
        key_ages: KeyAges,
        certificate_hosts: Sequence[str],
    ) -> None:
        """Take whom to ask."""
        self._registry = registry
        self._recovery = recovery
        self._sequencer = sequencer
        self._deliverer = deliverer
        self._ledger = ledger
        self._reconciliation = reconciliation
        self._key_ages = key_ages
        self._hosts = certificate_hosts

    async def backlogs(self) -> int:
        """Measure what waits; cheap enough for every few seconds."""
        unknown = await self._recovery.backlog()
        self._set("payments_unknown", unknown["waiting"])
        self._set("payments_unknown_oldest_seconds", unknown["oldest_seconds"])
        outbox = await self._sequencer.backlog()
        self._set("payments_outbox_events", outbox["waiting"])
        self._set("payments_outbox_oldest_seconds", outbox["oldest_seconds"])
        webhooks = await self._deliverer.backlog()
        self._set("payments_webhooks_waiting", webhooks["waiting"])
        self._set("payments_webhooks_retrying", webhooks["retrying"])
        self._set("payments_webhooks_oldest_seconds", webhooks["oldest_waiting_seconds"])
        return 0

    async def books(self) -> int:
        """Add up all accounts, and look how the latest settlement files compared with them."""
        balanced = self._registry.gauge("payments_ledger_balanced")
        for mode, livemode in (("live", True), ("test", False)):
            balance = await self._ledger.trial_balance(livemode=livemode)
            balanced.of(mode).set(balance["balanced"])
        differences = self._registry.gauge("payments_reconciliation_differences")
        for kind, count in (await self._reconciliation.differences()).items():
            differences.of(kind).set(count)
        return 0

    async def certificates(self) -> int:
        """Look when the certificates of our addresses and of those we call run out."""
        expires = self._registry.gauge("payments_certificate_expires_timestamp_seconds")
        for host in self._hosts:
            expires.of(host).set(await _expiry(host))
        return 0

    async def keys(self) -> int:
        """Look how long our keys have been in use."""
        since = self._registry.gauge("payments_key_since_timestamp_seconds")
        for purpose, when in (await self._key_ages.since()).items():
            since.of(purpose).set(when.timestamp())
        return 0

    def _set(self, name: str, value: float) -> None:
        self._registry.gauge(name).of().set(value)


async def _expiry(host: str) -> float:
    async with asyncio.timeout(_CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, _TLS_PORT, ssl=ssl.create_default_context())
    try:
        certificate = writer.get_extra_info("peercert")
        return float(ssl.cert_time_to_seconds(certificate["notAfter"]))
    finally:
        writer.close()
