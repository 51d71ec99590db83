"""The differences between two objects, field by field, whatever the order in which lists were written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from payments.devtools.manifests import quantities
from payments.devtools.manifests.objects import Value

Path: TypeAlias = tuple[str, ...]


class Missing(Enum):
    """What an absent field has in place of a value; None is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; `old` or `new` is MISSING where it was added or removed."""

    path: Path
    old: Any
    new: Any


def changes(old: Value, new: Value, path: Path = ()) -> Iterator[Change]:
    """Yield what differs, in the order of the fields' names."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from changes(old.get(name, MISSING), new.get(name, MISSING), (*path, str(name)))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    elif not _same(old, new, path):
        yield Change(path, old, new)


def leaves(value: Value, path: Path = ()) -> Iterator[Change]:
    """Yield every field of something new, down to its simple values; items without a name are read as a whole."""
    if isinstance(value, dict) and value:
        for name in sorted(value):
            yield from leaves(value[name], (*path, str(name)))
    elif isinstance(value, list) and value and (named := by_name(value, path)) is not None:
        yield from leaves(named, path)
    elif isinstance(value, list) and value and not _ordered(path):
        for content, item in _by_content(value).items():
            yield Change((*path, content), MISSING, item)
    else:
        yield Change(path, MISSING, value)


def content(value: Value) -> str:
    """Return the same text for the same value, whatever the order of its lists and fields."""
    return json.dumps(_sorted(value), sort_keys=True, separators=(",", ":"))


def _sorted(value: Value) -> Value:
    if isinstance(value, dict):
        return {name: _sorted(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _list_changes(old: list[Any], new: list[Any], path: Path) -> Iterator[Change]:
    if _ordered(path):
        if old != new:
            yield Change(path, old, new)
        return
    old_named, new_named = by_name(old, path), by_name(new, path)
    if old_named is not None and new_named is not None:
        yield from changes(old_named, new_named, path)
        return
    before, after = _by_content(old), _by_content(new)
    for name in [name for name in before if name not in after]:
        yield Change((*path, name), before[name], MISSING)
    for name in [name for name in after if name not in before]:
        yield Change((*path, name), MISSING, after[name])


def _ordered(path: Path) -> bool:
    """Whether the order of a list means something; every other list is a set, or is known by name."""
    return bool(path) and path[-1] in {"command", "args"}


def _port(item: dict[str, Any]) -> str:
    return f"{item.get('containerPort', item.get('port'))}/{item.get('protocol', 'TCP')}"


def _metric(item: dict[str, Any]) -> str:
    source: Value = next((value for name, value in sorted(item.items()) if name != "type"), {})
    return str(source.get("name") or source.get("metric", {}).get("name"))


def _name(item: dict[str, Any]) -> object:
    return item["name"]


# What tells the items of a list apart, where it is not their name.
_IDENTITIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "volumeMounts": lambda item: item["mountPath"],
    "ports": _port,
    "metrics": _metric,
    "topologySpreadConstraints": lambda item: item["topologyKey"],
    "rules": lambda item: item.get("alert") or item.get("record") or item["host"],
    "data": lambda item: item["secretKey"],
    "limits": lambda item: item["type"],
}


def by_name(items: list[Any], path: Path) -> dict[str, Any] | None:
    """Return the items by what tells them apart; None where nothing does."""
    identity = _IDENTITIES.get(path[-1] if path else "", _name)
    try:
        names = [str(identity(item)) for item in items]
    except (KeyError, TypeError, AttributeError):
        return None
    return dict(zip(names, items, strict=True)) if len(set(names)) == len(names) else None


def _by_content(items: list[Any]) -> dict[str, Any]:
    return {item if isinstance(item, str) else content(item): item for item in items}


# Where a text is an amount, and may be written in several ways.
_AMOUNTS = frozenset({"cpu", "memory", "storage", "ephemeral-storage", "sizeLimit", "averageValue", "value", "divisor"})
# Where nothing inside means something: every pod, a fresh folder.
_TELLING = frozenset({"podSelector", "namespaceSelector", "selector", "emptyDir"})


def _same(old: Value, new: Value, path: Path) -> bool:
    last = path[-1] if path else ""
    if old is MISSING or new is MISSING:
        # An empty list, object or nothing at all is how YAML spells an absent field.
        return last not in _TELLING and (new if old is MISSING else old) in (None, [], {})
    if type(old) is type(new) and old == new:
        return True
    # `8000` and `"8000"` differ where a text is wanted; an amount may be either.
    return last.rpartition(".")[2] in _AMOUNTS and quantities.same(old, new)
