"""Block and allow lists in memory: cards, IP addresses and networks, countries, BINs."""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal
from uuid import UUID

import msgspec

from payments.fraud.schemas import Attempt, ListMatch
from shared.ids import show

Kind = Literal["card", "ip", "country", "bin"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry.

    Shapes:
        value: a card's fingerprint, an IP network (``203.0.113.7/32`` for one address), a country, six digits.
        merchant_id: whose payments it is about; none for everybody's.
    """

    id: UUID
    livemode: bool
    merchant_id: UUID | None
    list: Literal["block", "allow"]
    kind: Kind
    value: str
    expires_at: datetime | None
    removed_at: datetime | None
    version: int


class Lists:
    """All entries in force, found by value: what a payment costs does not depend on how many there are."""

    def __init__(self) -> None:
        """Start empty."""
        self.version = 0
        self._entries: dict[tuple[bool, str, str], dict[UUID, Entry]] = {}
        self._prefixes: dict[tuple[int, int], int] = {}

    def apply(self, version: int, changed: Iterable[Entry]) -> None:
        """Take the entries that were added, changed or removed up to a version."""
        for entry in changed:
            place = (entry.livemode, entry.kind, entry.value)
            known = self._entries.setdefault(place, {})
            was_known = known.pop(entry.id, None) is not None
            if entry.removed_at is None:
                known[entry.id] = entry
            if not known:
                del self._entries[place]
            if entry.kind == "ip":
                network = ip_network(entry.value)
                prefix = (network.version, network.prefixlen)
                self._prefixes[prefix] = self._prefixes.get(prefix, 0) + (entry.removed_at is None) - was_known
        self._prefixes = {prefix: count for prefix, count in self._prefixes.items() if count}
        self.version = version

    def match(self, attempt: Attempt) -> list[ListMatch]:
        """Return the entries in force that name something of a payment."""
        if not self._entries:
            return []
        values: list[tuple[Kind, str]] = [("card", attempt.card_fingerprint), ("bin", attempt.card_bin)]
        countries = {attempt.card_country: None, attempt.customer_ip_country: None}
        values += [("country", country) for country in countries if country is not None]
        if attempt.customer_ip is not None:
            values += [("ip", network) for network in self._networks(attempt.customer_ip)]
        return [
            ListMatch(show("lst", entry.id), entry.list, entry.kind)
            for kind, value in values
            for entry in self._entries.get((attempt.livemode, kind, value), {}).values()
            if entry.merchant_id in (None, attempt.merchant_id)
            and (entry.expires_at is None or entry.expires_at > attempt.at)
        ]

    def _networks(self, text: str) -> Iterable[str]:
        if not self._prefixes:
            return
        address = ip_address(text)
        if isinstance(address, IPv6Address):
            # ::ffff:203.0.113.7 is 203.0.113.7 to everybody but a list.
            address = address.ipv4_mapped or address
        for version, length in self._prefixes:
            if version == address.version:
                yield str(ip_network((address, length), strict=False))
