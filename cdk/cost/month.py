"""What the rules of `resources` look at, and what they yield."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from cdk.cost.inputs import Inputs
from cdk.cost.load import Load
from cdk.cost.pods import Fleet

MILLION = Decimal(1_000_000)

Properties = dict[str, Any]


class Item(NamedTuple):
    """So much of something that has a price."""

    resource: str
    what: str
    quantity: Decimal
    price: str


@dataclass(frozen=True)
class Month:
    """A stage under a load."""

    inputs: Inputs
    load: Load
    fleet: Fleet

    def all(self, kind: str) -> Iterator[tuple[str, Properties]]:
        """Yield every resource of a type, with area and logical id as its name."""
        for area, template in self.inputs.templates.items():
            for key, resource in template["Resources"].items():
                if resource["Type"] == kind:
                    yield f"{area}/{key}", resource.get("Properties", {})

    def referred(self, name: str, reference: dict[str, Any]) -> Properties:
        """Return the properties of what a resource refers to in its own template."""
        template = self.inputs.templates[name.partition("/")[0]]
        found: Properties = template["Resources"][reference["Ref"]]["Properties"]
        return found
