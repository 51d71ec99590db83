"""How much a difference matters, and what it is in words."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Rank(IntEnum):
    """From what can be waved through to what needs a second pair of eyes."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        """As it is printed."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    rank: Rank
    text: str
    path: str = ""
    old: Any = None
    new: Any = None
