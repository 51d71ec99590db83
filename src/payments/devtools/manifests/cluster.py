"""Which part of a live object is ours to compare.

A cluster fills in defaults, its controllers add annotations and addresses, an autoscaler sets the number of replicas.
None of that is a difference. What counts is what the manifest says today, and what it said when it was applied last.
"""

import json

from payments.devtools.manifests.compare import Path, by_name
from payments.devtools.manifests.objects import Manifest, Value

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def ours(live: Manifest, wanted: Manifest | None) -> Manifest:
    """Return the live object without what only the cluster has said."""
    annotations = live.body["metadata"].get("annotations") or {}
    applied = json.loads(annotations[_APPLIED]) if _APPLIED in annotations else {}
    claims = [claim for claim in (wanted and wanted.body, applied) if claim]
    return Manifest(_claimed(live.body, claims, ()), live.file)


def _claimed(value: Value, claims: list[Value], path: Path) -> Value:
    """Keep the fields that at least one claim has."""
    if isinstance(value, dict):
        inner = [claim for claim in claims if isinstance(claim, dict)]
        return {
            name: _claimed(item, [claim[name] for claim in inner if name in claim], (*path, name))
            for name, item in value.items()
            if any(name in claim for claim in inner)
        }
    if isinstance(value, list):
        return _claimed_items(value, [claim for claim in claims if isinstance(claim, list)], path)
    return value


def _claimed_items(items: list[Value], claims: list[list[Value]], path: Path) -> list[Value]:
    named = by_name(items, path)
    wanted = [claim for claim in (by_name(claim, path) for claim in claims) if claim is not None]
    if named is None or not wanted:
        # Without names, items are told apart by their place, where defaults were filled in.
        return [
            _claimed(item, [claim[place] for claim in claims if place < len(claim)], (*path, str(place)))
            for place, item in enumerate(items)
            if any(place < len(claim) for claim in claims)
        ]
    return [
        _claimed(item, [claim[name] for claim in wanted if name in claim], (*path, name))
        for name, item in named.items()
        if any(name in claim for claim in wanted)
    ]
