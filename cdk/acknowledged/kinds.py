"""The form of an accepted finding, and reasons that hold in several places."""

from collections.abc import Callable
from typing import NamedTuple

from cdk.stage import Stage


class Acknowledged(NamedTuple):
    """Findings on one construct (and below it) that stay, where the stage is of the kind they are accepted for."""

    area: str
    path: str
    findings: tuple[str, ...]
    reason: str
    when: Callable[[Stage], bool] = lambda _: True

    def ids(self, stage: Stage) -> list[str]:
        """Return the findings as the packs name them, with the stage's names where they have some."""
        names = {"prefix": stage.prefix, "region": stage.region, "account": stage.account or "<AWS::AccountId>"}
        found = list(self.findings)
        for placeholder, value in names.items():
            found = [finding.replace(f"{{{placeholder}}}", value) for finding in found]
        return found


def both(*rules: str) -> tuple[str, ...]:
    """Name the same rules in the two compliance packs that have them."""
    return tuple(f"{pack}-{rule}" for pack in ("PCI.DSS.321", "NIST.800.53.R5") for rule in rules)


AWS_POLICY = "arn:<AWS::Partition>:iam::aws:policy/service-role"
INLINE = both("IAMNoInlinePolicy")
ONE_ROLE = (
    "CDK writes this policy beside its only role: inline, nobody else can be given it, and it goes with the role."
)
REPLICATED_LOGS = (
    "Versioned and kept as long as the stage keeps logs; no payment depends on it. Copying to a second region is for "
    "the organization that owns the account."
)
