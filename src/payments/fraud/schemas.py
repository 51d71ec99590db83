"""Shapes of fraud decisions: what a payment brings, what comes back, what the API takes and shows."""

from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias
from uuid import UUID

import msgspec

Outcome = Literal["approve", "review", "decline"]
Source = Literal["redis", "postgres", "degraded"]
ReportSource = Literal["merchant", "dispute", "review"]


class MerchantTerms(Protocol):
    """What a decision needs to know of the merchant; the profile of the merchants feature has it all."""

    @property
    def id(self) -> UUID: ...
    @property
    def country(self) -> str: ...
    @property
    def category_code(self) -> str: ...
    @property
    def settlement_currency(self) -> str: ...
    @property
    def risk_level(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def review_threshold(self) -> int: ...
    @property
    def decline_threshold(self) -> int: ...
    @property
    def fallback_policy(self) -> Outcome: ...


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it arrives, before anything is decided.

    Shapes:
        idempotency_key: with merchant and mode it names the attempt; a replay counts once.
        amount: minor units of ``currency``.
        amount_usd: US cents at the mid rate of this moment, for comparison only; none when there is no rate.
        card_fingerprint: hexadecimal, from the vault.
        customer_ip: an IPv4 or IPv6 address.
        card_country, customer_ip_country: ISO 3166-1 alpha-2.
    """

    merchant_id: UUID
    livemode: bool
    idempotency_key: str
    amount: int
    currency: str
    amount_usd: int | None
    capture_method: str
    card_fingerprint: str
    card_brand: str
    card_bin: str
    card_country: str | None
    customer_ip: str | None
    customer_ip_country: str | None
    device_id: str | None
    at: datetime


# A payment that is to be decided, and what there is to know of its merchant.
Case: TypeAlias = tuple[Attempt, MerchantTerms]


class FiredRule(msgspec.Struct, frozen=True):
    """A rule that fired, with what it added to the score."""

    id: str
    name: str
    action: str
    score: int


class ListMatch(msgspec.Struct, frozen=True):
    """An entry of a block or allow list that names something in the payment."""

    id: str
    list: Literal["block", "allow"]
    kind: str


class Receipt(msgspec.Struct, kw_only=True):
    """Why a payment was decided as it was; stored with it and shown in it.

    Shapes:
        amount_usd: US cents at the mid rate of that moment; none without a rate.
        decided_by: ``score`` against the thresholds, a ``rule`` with an action, a ``list``, or the merchant's
            fallback ``policy``.
        score: 0 to 100, the sum of what the rules added, capped.
        review_threshold, decline_threshold: the score from which on; 101 is never reached.
        rules: in the order in which they applied.
        shadow: names of shadow rules that fired.
        undecided: names of rules that could not be evaluated, because they need a missing signal.
        source: where the signals came from.
        signals: by subject and quantity, one value per window (1m, 10m, 1h, 24h); subjects the payment does not have
            are left out, a missing value is null.
        missing: names of the signals that nobody could answer in time.
        limits, rate: what the other parts of a decision add.
    """

    outcome: Outcome
    amount_usd: int | None
    decided_by: Literal["score", "rule", "list", "policy"]
    score: int
    review_threshold: int
    decline_threshold: int
    rule_set: int
    rules: list[FiredRule]
    shadow: list[FiredRule]
    undecided: list[str]
    lists: list[ListMatch]
    source: Source
    signals: dict[str, dict[str, list[int | None]]]
    missing: list[str]
    limits: dict[str, Any] | None = None
    rate: dict[str, Any] | None = None


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a payment, and why."""

    outcome: Outcome
    score: int
    receipt: Receipt

    def shown(self) -> dict[str, Any]:
        """Return the receipt as plain data."""
        shown: dict[str, Any] = msgspec.to_builtins(self.receipt)
        return shown
