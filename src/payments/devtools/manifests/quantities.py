"""Kubernetes quantities: `1000m` is `1`, `1Gi` is `1024Mi`."""

import re
from fractions import Fraction

_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|e([+-]?\d+))?", re.IGNORECASE)


def parse(value: object) -> Fraction | None:
    """Return the amount; None for what is no quantity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        return None
    number, suffix, exponent = found.groups()
    if exponent is not None:
        return Fraction(number) * Fraction(10) ** int(exponent)
    scale = _SUFFIXES.get(suffix or "")
    return None if scale is None else Fraction(number) * scale


def same(one: object, other: object) -> bool:
    """Whether two ways of writing mean the same amount."""
    amount = parse(one)
    return amount is not None and amount == parse(other)
