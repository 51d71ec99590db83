"""The signals of one payment: values in the order of ``vocabulary.SIGNALS``, and where they came from."""

import msgspec

from payments.fraud.schemas import Source
from payments.fraud.vocabulary import GROUPS, SIGNALS, WINDOWS

_WIDTH = len(WINDOWS)
_ZEROS = [0] * _WIDTH
_SLICES = [(group.subject, group.quantity, slice(at * _WIDTH, (at + 1) * _WIDTH)) for at, group in enumerate(GROUPS)]


class Signals(msgspec.Struct, frozen=True):
    """Signals; a value of none means that nobody could tell.

    Shapes:
        values: one per name in ``SIGNALS``; 0 for what the payment does not have (no device: no payments from it).
    """

    values: list[int | None]
    source: Source

    def known(self) -> dict[str, int]:
        """Return the values that are known, by variable."""
        named = zip(SIGNALS, self.values, strict=True)
        if None in self.values:
            return {name: value for name, value in named if value is not None}
        return dict(named)  # type: ignore[arg-type] # none of them is None

    def missing(self) -> list[str]:
        """Return the names of those that are not."""
        if None not in self.values:
            return []
        return [name for name, value in zip(SIGNALS, self.values, strict=True) if value is None]

    def without(self, names: frozenset[str]) -> "Signals":
        """Return the same with these values missing."""
        values = [None if name in names else value for name, value in zip(SIGNALS, self.values, strict=True)]
        return Signals(values, self.source)

    def grouped(self) -> dict[str, dict[str, list[int | None]]]:
        """Return them as a receipt shows them; groups that are all 0 are left out."""
        shown: dict[str, dict[str, list[int | None]]] = {}
        for subject, quantity, place in _SLICES:
            values = self.values[place]
            if values != _ZEROS:
                shown.setdefault(subject, {})[quantity] = values
        return shown

    @classmethod
    def from_grouped(cls, shown: dict[str, dict[str, list[int | None]]], source: Source) -> "Signals":
        """Return the signals that a receipt shows."""
        values = [value for group in GROUPS for value in shown.get(group.subject, {}).get(group.quantity, _ZEROS)]
        return cls(values, source)


NO_SIGNALS = Signals([None] * len(SIGNALS), "degraded")
