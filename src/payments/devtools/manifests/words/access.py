"""Who may do what in the cluster."""

from typing import Any

from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.words.phrases import Phrase, Said, arrow, plain, saying, shown

_LEVELS = {"privileged": 0, "baseline": 1, "restricted": 2}
_POWERFUL_VERBS = {"*", "escalate", "bind", "impersonate"}
_POWERFUL_RESOURCES = {"*", "secrets", "pods/exec", "pods/attach", "serviceaccounts/token"}


def _level(change: Change, found: Path) -> Said:
    old, new = (_LEVELS.get(str(level), 0) if level is not MISSING else 0 for level in (change.old, change.new))
    if new < old:
        return Rank.CRITICAL, f"the namespace accepts less safe pods: {arrow(change)}"
    return Rank.MEDIUM, f"the namespace accepts only safer pods: {arrow(change)}"


NAMESPACE = (
    Phrase("metadata labels pod-security.kubernetes.io/enforce", _level),
    Phrase("metadata labels pod-security.kubernetes.io/*", saying(Rank.MEDIUM, "pod security ({0})")),
)


def is_powerful(rule: dict[str, Any]) -> bool:
    """Whether who has this rule could get at secrets, at other pods, or at more rights."""
    verbs, resources = set(rule.get("verbs") or ()), set(rule.get("resources") or ())
    return bool(verbs & _POWERFUL_VERBS or resources & _POWERFUL_RESOURCES)


def _rule(change: Change, found: Path) -> Said:
    rule = change.new if change.old is MISSING else change.old
    words = f"{', '.join(rule.get('verbs') or [])} on {', '.join(rule.get('resources') or rule.get('nonResourceURLs'))}"
    if change.new is MISSING:
        return Rank.MEDIUM, f"may no longer {words}"
    return Rank.CRITICAL if is_powerful(rule) else Rank.HIGH, f"may {words}"


def _rules(change: Change, found: Path) -> Said:
    rules = (change.new if change.old is MISSING else change.old) or []
    said = [_rule(Change(change.path, change.old and rule, change.new and rule), found) for rule in rules]
    return max(rank for rank, *_ in said), "; ".join(str(text) for _, text, *_ in said)


ROLE = (Phrase("rules *", _rule), Phrase("rules", _rules))


def _role(change: Change, found: Path) -> Said:
    rank = Rank.CRITICAL if change.new == "cluster-admin" else Rank.HIGH
    return rank, f"role: {arrow(change)}"


def _subject(change: Change, found: Path) -> Said:
    if change.old is MISSING:
        return Rank.HIGH, f"{shown(found[0])} gets the role"
    if change.new is MISSING:
        return Rank.MEDIUM, f"{shown(found[0])} loses the role"
    return plain(change, f"subject {found[0]}", Rank.HIGH)


BINDING = (Phrase("roleRef name", _role), Phrase("subjects *", _subject), Phrase("subjects * **", _subject))

ACCOUNT = (
    Phrase("metadata annotations eks.amazonaws.com/role-arn", saying(Rank.HIGH, "role in AWS")),
    Phrase("automountServiceAccountToken", saying(Rank.HIGH, "token for the cluster's API")),
)
