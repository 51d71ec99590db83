"""What phrases are made of."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from payments.devtools.manifests import quantities
from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Value

Said: TypeAlias = tuple[Rank, str] | tuple[Rank, str, bool]
Say: TypeAlias = Callable[[Change, Path], Said | None]

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Phrase:
    """How to say the changes of fields whose path fits a pattern, like `containers * image`; `**` fits any rest."""

    pattern: str
    say: Say

    def fits(self, path: Path) -> Path | None:
        """Return the parts that stood for `*`; None when the path does not fit."""
        wanted = self.pattern.split()
        if wanted[-1] == "**":
            wanted, path = wanted[:-1], path[: len(wanted) - 1]
        if len(path) != len(wanted) or not all(map(fnmatchcase, path, wanted)):
            return None
        return tuple(part for part, want in zip(path, wanted, strict=True) if "*" in want)


def shown(value: Value) -> str:
    """Return a value as short as it can be said."""
    if value is MISSING:
        return "absent"
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    text = str(value) if isinstance(value, str | int | float) else _json(value)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _json(value: Value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def arrow(change: Change) -> str:
    """Return `3 → 5`."""
    return f"{shown(change.old)} → {shown(change.new)}"


def plain(change: Change, name: str | None = None, rank: Rank = Rank.MEDIUM) -> Said:
    """Say a change as it is."""
    # What a list holds has no name; what it is follows anyway.
    name = name or ".".join(part for part in change.path if not part.startswith("{"))
    if change.old is MISSING:
        return rank, f"{name} added: {shown(change.new)}"
    if change.new is MISSING:
        return rank, f"{name} removed (was {shown(change.old)})"
    return rank, f"{name}: {arrow(change)}"


def saying(rank: Rank, name: str) -> Say:
    """Say the change of a field by the name people use for it; `{0}` is what the first `*` stood for."""
    return lambda change, found: plain(change, name.format(*found), rank)


def at_ranks(name: str, *, added: Rank, changed: Rank, removed: Rank) -> Say:
    """Say a change, ranked by whether the field came, changed or went."""

    def say(change: Change, found: Path) -> Said:
        rank = added if change.old is MISSING else removed if change.new is MISSING else changed
        return plain(change, name.format(*found), rank)

    return say


def amount(name: str, *, lower: Rank, higher: Rank, removed: Rank = Rank.HIGH) -> Say:
    """Say an amount that fell, rose, came or went; percentages count as their number."""

    def say(change: Change, found: Path) -> Said:
        label = name.format(*found)
        if change.new is MISSING:
            return plain(change, label, removed)
        if change.old is MISSING:
            return plain(change, label, higher)
        old, new = (quantities.parse(str(value).removesuffix("%")) for value in (change.old, change.new))
        if old is None or new is None:
            return plain(change, label, max(lower, higher))
        verb, rank = ("lowered", lower) if new < old else ("raised", higher)
        if old and new == old / 2:
            verb = "halved"
        elif old and new == old * 2:
            verb = "doubled"
        return rank, f"{label} {verb}: {arrow(change)}"

    return say


def switch(on: Value, *, worse: tuple[Rank, str], better: str) -> Say:
    """Say a setting that is dangerous when it has the value `on`."""

    def say(change: Change, found: Path) -> Said | None:
        if change.new == on and change.new is not MISSING:
            return worse[0], worse[1].format(*found)
        if change.old == on and change.old is not MISSING:
            return Rank.LOW, better.format(*found)
        return None

    return say


def guard(safe: Value, *, worse: tuple[Rank, str], better: str) -> Say:
    """Say a setting that protects while it has the value `safe`."""

    def say(change: Change, found: Path) -> Said | None:
        if change.new is not MISSING and change.new == safe:
            return Rank.LOW, better.format(*found)
        if change.old is not MISSING and change.old == safe:
            return worse[0], f"{worse[1].format(*found)} ({arrow(change)})"
        return None

    return say
