"""The loads a month is priced at, and what a payment causes.

Figures of one payment are assumptions wherever nothing else is said; docs/COSTS.md lists them.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from cdk.cost.inputs import Profile

HOURS = Decimal(730)
SECONDS = HOURS * 3600
_LOW = 10
"""A low month has a tenth of the expected payments, and of what they cause."""

REQUESTS = 3
"""HTTP requests of one payment: a token, the payment, one more (capture, refund, list)."""
CPU_MS = {"gateway": Decimal("0.168"), "payments": Decimal("0.361"), "worker": Decimal("0.115")}
"""CPU of one payment in each pod, measured with every limit on: docs/PERFORMANCE.md."""
PEAK = 5
"""The busiest minute of a month against its mean: pods are counted for it."""
STORED_KB = 6
"""Rows and indexes of one payment in the database."""
BETWEEN_ZONES_KB = 20
"""What one payment sends from zone to zone: gateway to payments, payments to the database and the cache."""
NAT_SHARE = Decimal("0.5")
"""Of what leaves, what goes through NAT: acquirers and webhooks; answers to clients do not."""
KMS_REQUESTS = Decimal("0.1")
"""A data key serves many cards; the rest is decrypted volumes, queues and secrets."""
LAMBDA_MS = Decimal(40)
"""Time of one request in Lambda, the acquirer's answer included."""
WORKER_MS = Decimal(400)
"""Time of one run of the worker's tasks."""
CONNECTION_REUSE = 10
"""Requests that a client sends over one connection."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A month."""

    name: str
    payments: Decimal
    log_gb: Decimal
    egress_gb: Decimal
    metric_series: int
    peak_factor: int = PEAK
    all_pods: bool = False
    """As many pods as the autoscalers may start, all month."""

    @property
    def requests(self) -> Decimal:
        """HTTP requests."""
        return self.payments * REQUESTS

    @property
    def peak(self) -> Decimal:
        """Payments per second in the busiest minute."""
        return self.payments / SECONDS * self.peak_factor


def low(profile: Profile) -> Load:
    """Return a quiet month."""
    return _scaled(profile, "low", Decimal(profile.payments) / _LOW)


def expected(profile: Profile) -> Load:
    """Return the month of the stage's usage profile."""
    return _scaled(profile, "expected", Decimal(profile.payments))


def all_pods(profile: Profile) -> Load:
    """Return the expected month with every pod that the autoscalers may start, all month."""
    month = expected(profile)
    return replace(month, name="every pod, all month", all_pods=True)


def sustained(profile: Profile, per_second: int) -> Load:
    """Return a month of so many payments a second, day and night."""
    return replace(_scaled(profile, f"{per_second:,} payments/s, all month", per_second * SECONDS), peak_factor=1)


def of_requests(profile: Profile, requests: Decimal) -> Load:
    """Return a month of so many HTTP requests."""
    return _scaled(profile, f"{requests:,.0f} requests", requests / REQUESTS)


def _scaled(profile: Profile, name: str, payments: Decimal) -> Load:
    share = payments / profile.payments
    return Load(
        name=name,
        payments=payments,
        log_gb=profile.log_gb * share,
        egress_gb=profile.egress_gb * share,
        metric_series=profile.metric_series,
    )
