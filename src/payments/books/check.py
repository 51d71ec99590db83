"""One invariant, and the statement that finds what breaks it."""

from typing import NamedTuple


class Check(NamedTuple):
    """What must hold.

    Shapes:
        sql: returns one row for each difference; takes ``exponents``, the decimals of each currency as JSON.
    """

    name: str
    meaning: str
    sql: str
