"""How many pods there are, and how they are replaced."""

from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.words.phrases import Phrase, Said, amount, at_ranks, plain, saying


def _replicas(change: Change, found: Path) -> Said | None:
    if change.new == 0:
        return Rank.CRITICAL, f"no pod is left: replicas {change.old} → 0"
    if MISSING in (change.old, change.new):
        return plain(change, "replicas", Rank.HIGH)
    return amount("replicas", lower=Rank.HIGH, higher=Rank.MEDIUM)(change, found)


def _selector(change: Change, found: Path) -> Said:
    if change.old is MISSING:  # of a new object
        return plain(change)
    return Rank.CRITICAL, f"{plain(change)[1]}; a selector is immutable, the cluster will refuse it"


WORKLOAD = (
    Phrase("spec replicas", _replicas),
    Phrase("spec selector **", _selector),
    Phrase(
        "spec strategy rollingUpdate maxUnavailable",
        amount("pods that may be missing during a rollout", lower=Rank.LOW, higher=Rank.HIGH),
    ),
    Phrase("spec strategy **", saying(Rank.HIGH, "how pods are replaced")),
    Phrase("spec template metadata annotations checksum/*", saying(Rank.LOW, "pods restart, {0} changed")),
    Phrase("spec template metadata **", saying(Rank.LOW, "labels and annotations of the pods")),
)

AUTOSCALER = (
    Phrase("spec minReplicas", amount("fewest pods", lower=Rank.HIGH, higher=Rank.MEDIUM)),
    Phrase("spec maxReplicas", amount("most pods", lower=Rank.HIGH, higher=Rank.MEDIUM)),
    Phrase("spec metrics *", at_ranks("scaling by {0}", added=Rank.MEDIUM, changed=Rank.MEDIUM, removed=Rank.HIGH)),
    Phrase("spec metrics * **", saying(Rank.MEDIUM, "scaling by {0}")),
    Phrase("spec behavior **", saying(Rank.MEDIUM, "pace of scaling")),
    Phrase("spec scaleTargetRef **", saying(Rank.HIGH, "what is scaled")),
)

DISRUPTION = (
    Phrase("spec minAvailable", amount("pods that must stay", lower=Rank.HIGH, higher=Rank.MEDIUM)),
    Phrase("spec maxUnavailable", amount("pods that may be away at once", lower=Rank.MEDIUM, higher=Rank.HIGH)),
    Phrase("spec selector **", saying(Rank.HIGH, "pods that are protected")),
)
