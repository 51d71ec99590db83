"""The one place where time can be made to run faster: windows and patience of every rule are said in seconds here."""

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_SHORTEST = 2


@dataclass(frozen=True)
class Times:
    """How long a rule's second lasts: 1 in a cluster, a fraction in a drill."""

    scale: float = 1.0

    def __call__(self, seconds: float) -> str:
        """Return a duration as Prometheus writes it."""
        return f"{max(_SHORTEST, round(seconds * self.scale))}s" if seconds else "0s"
