"""Two sets of manifests compared: which objects came, went, were renamed or changed, in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from payments.devtools.manifests.compare import Change, changes, content, leaves
from payments.devtools.manifests.defaults import completed
from payments.devtools.manifests.findings import Finding, Rank
from payments.devtools.manifests.objects import Body, Key, Manifest, index
from payments.devtools.manifests.words import describe
from payments.devtools.manifests.words.objects import ADDED, ADDED_OTHER, REMOVED, REMOVED_OTHER

# Two objects of one kind that share this much are the same object under another name.
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is not the same on both sides."""

    key: Key
    change: Literal["added", "removed", "renamed", "changed"]
    findings: Sequence[Finding]

    @property
    def rank(self) -> Rank:
        """The highest of its findings."""
        return max(finding.rank for finding in self.findings)


def differences(old: Iterable[Manifest], new: Iterable[Manifest]) -> list[Difference]:
    """Return what differs, what matters most first."""
    before = {key: completed(manifest.body) for key, manifest in index(old).items()}
    after = {key: completed(manifest.body) for key, manifest in index(new).items()}
    gone = {key: body for key, body in before.items() if key not in after}
    come = {key: body for key, body in after.items() if key not in before}
    found = [*_renamed(gone, come)]
    found += [_removed(key) for key in gone]
    found += [_added(key, body) for key, body in come.items()]
    for key in before.keys() & after.keys():
        said = _findings(key.kind, changes(before[key], after[key]))
        if key.kind == "Job" and any(finding.path.startswith("spec.template") for finding in said):
            said.insert(0, Finding(Rank.CRITICAL, "a Job cannot be changed, the cluster will refuse it: rename it"))
        if said:
            found.append(Difference(key, "changed", said))
    return sorted(found, key=lambda one: (-one.rank, one.key))


def _findings(kind: str, found: Iterable[Change]) -> list[Finding]:
    said = {(finding.rank, finding.text): finding for finding in (describe(kind, change) for change in found)}
    return sorted(said.values(), key=lambda finding: (-finding.rank, finding.path, finding.text))


def _removed(key: Key) -> Difference:
    rank, text = REMOVED.get(key.kind, REMOVED_OTHER)
    return Difference(key, "removed", [Finding(rank, text)])


def _added(key: Key, body: Body) -> Difference:
    """Tell that an object is new, and what of it would be critical if it had come to an existing one."""
    every = _findings(key.kind, leaves(body))
    critical = [finding for finding in every if finding.rank is Rank.CRITICAL]
    return Difference(key, "added", [*critical, Finding(ADDED.get(key.kind, ADDED_OTHER), "added")])


def _renamed(gone: dict[Key, Body], come: dict[Key, Body]) -> Iterator[Difference]:
    """Pair what went with what came, and take both from what is left to tell."""
    for old_key in sorted(gone):
        alike = {key: _likeness(gone[old_key], come[key]) for key in come if _same_place(key, old_key)}
        best = max(sorted(alike), key=lambda key: alike[key], default=None)
        if best is None or alike[best] < _ALIKE:
            continue
        old, new = gone.pop(old_key), come.pop(best)
        told = Finding(*_rename(best.kind, old_key.name, best.name), "metadata.name", old_key.name, best.name)
        rest = [change for change in changes(old, new) if change.path != ("metadata", "name")]
        named = [change for change in rest if not _only_names(change, old_key.name, best.name)]
        yield Difference(best, "renamed", [told, *_findings(best.kind, named)])


def _rename(kind: str, old: str, new: str) -> tuple[Rank, str]:
    if kind == "Job":
        return Rank.MEDIUM, f"runs again: {old} is replaced by {new}"
    if kind in {"ConfigMap", "PrometheusRule", "ServiceMonitor"}:
        return Rank.MEDIUM, f"renamed: {old} → {new}"
    return Rank.HIGH, f"renamed: {old} → {new}; the cluster makes a new one, the old one stays until it is deleted"


def _same_place(one: Key, other: Key) -> bool:
    return (one.kind, one.namespace, one.group) == (other.kind, other.namespace, other.group)


def _only_names(change: Change, old: str, new: str) -> bool:
    """Whether a change is nothing but the rename itself, as in a label."""
    return isinstance(change.old, str) and isinstance(change.new, str) and change.old.replace(old, new) == change.new


def _likeness(old: Body, new: Body) -> float:
    """Return which part of the fields of both is the same, names aside."""
    names = {old["metadata"]["name"], new["metadata"]["name"]}
    one, other = (
        {(leaf.path, content(leaf.new)) for leaf in leaves(body) if str(leaf.new) not in names} for body in (old, new)
    )
    return len(one & other) / max(len(one | other), 1)
