"""The price table: prices.json, each price with where it is from and of which day."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("prices.json")


class CostError(ValueError):
    """No honest figure can be given; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one unit costs, in USD."""

    usd: Decimal
    unit: str
    source: str
    date: date
    verified: bool
    """Read from a price list of AWS, not remembered."""
    query: Mapping[str, str] | None = None
    """How the Pricing API finds it: its service, and attributes of the product."""


@dataclass(frozen=True)
class Prices:
    """The prices of one region."""

    region: str
    by_key: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        """Return a price.

        Raises:
            CostError: the table has none.
        """
        if key not in self.by_key:
            raise CostError(f"there is no price {key}: add it to cdk/cost/prices.json, with its source and date")
        return self.by_key[key]


def read(path: Path = TABLE) -> Prices:
    """Return the table."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Prices(content["region"], {key: _price(entry) for key, entry in content["prices"].items()})


def write(prices: Prices, path: Path = TABLE) -> None:
    """Leave the table as `read` finds it."""
    content = {"region": prices.region, "prices": {key: _entry(price) for key, price in prices.by_key.items()}}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _price(entry: dict[str, Any]) -> Price:
    return Price(**{**entry, "usd": Decimal(entry["usd"]), "date": date.fromisoformat(entry["date"])})


def _entry(price: Price) -> dict[str, Any]:
    entry = {
        "usd": format(price.usd, "f"),
        "unit": price.unit,
        "source": price.source,
        "date": price.date.isoformat(),
        "verified": price.verified,
    }
    return entry if price.query is None else {**entry, "query": dict(price.query)}
