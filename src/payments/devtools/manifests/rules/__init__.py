"""What `payments manifests check` holds manifests to: schema, security, availability, network.

An object may be excused from a rule by an annotation `manifests.payments/allow.<rule>` whose value says why.
"""

from collections.abc import Iterator, Sequence

from payments.devtools.manifests.defaults import completed
from payments.devtools.manifests.objects import Manifest
from payments.devtools.manifests.rules import cluster, network, pods, schema, workloads
from payments.devtools.manifests.rules.rule import Problem, Rule, Scope

_POLICIES = (*pods.RULES, *workloads.RULES, *network.RULES, *cluster.RULES)
RULES: tuple[Rule, ...] = (*schema.RULES, *_POLICIES)
_ALLOW = "manifests.payments/allow."


def check(manifests: Sequence[Manifest], stage: str) -> list[Problem]:
    """Return what is wrong with a stage's manifests, what matters most first.

    Policies can only be read in objects that a cluster would accept: while some are not, these are all that is told.
    """
    scope = Scope(stage, tuple(manifests), tuple(Manifest(completed(one.body), one.file) for one in manifests))
    found = [problem for rule in schema.RULES for problem in _applied(rule, scope)]
    if not found:
        found = [problem for rule in _POLICIES for problem in _applied(rule, scope)]
    return sorted(found, key=lambda problem: (-problem.rule.rank, problem.rule.id, str(problem.key), problem.text))


def _applied(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for manifest, text in rule.find(scope):
        reasons = manifest.body["metadata"].get("annotations") or {}
        if not str(reasons.get(f"{_ALLOW}{rule.id}", "")).strip():
            yield Problem(rule, manifest.key, manifest.file, text)
