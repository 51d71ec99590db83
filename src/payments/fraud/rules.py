"""Rules as data, and sets of them that are evaluated together."""

import logging
from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

import msgspec

from payments.fraud.expressions import Condition, ConditionError, Conditions, Value, compile_condition

_log = logging.getLogger(__name__)

Action = Literal["score", "review", "decline", "approve"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is suspicious, and what follows.

    Shapes:
        condition: an expression over the variables in ``vocabulary``.
        score: 0 to 100, added to the payment's score whatever the action is.
        action: ``review`` and ``decline`` raise the decision to at least that; ``approve`` ends the rules: those that
            come after it do not count.
        shadow: recorded when it fires, and nothing else.
        priority: rules apply in ascending order, then by name.
    """

    id: UUID
    name: str
    condition: str
    score: int
    action: Action = "score"
    active: bool = True
    shadow: bool = False
    priority: int = 100


class RuleSet:
    """The active rules of one version, compiled, in the order in which they apply."""

    def __init__(self, version: int, rules: Iterable[Rule]) -> None:
        """Take all rules of a version. One that this release cannot compile stays undecided, and stops no payment."""
        self.version = version
        self.rules = sorted((rule for rule in rules if rule.active), key=lambda rule: (rule.priority, rule.name))
        self._places: list[int] = []
        conditions: list[Condition] = []
        for place, rule in enumerate(self.rules):
            try:
                conditions.append(compile_condition(rule.condition))
                self._places.append(place)
            except ConditionError as error:
                _log.warning("rule %s cannot be used: %s", rule.name, error)
        self._conditions = Conditions(conditions)

    def evaluate(self, variables: Mapping[str, Value]) -> list[bool | None]:
        """Return for each of ``rules`` whether it fires; none when a variable it needs is unknown."""
        found = self._conditions.evaluate(variables)
        if len(found) == len(self.rules):
            return found
        verdicts: list[bool | None] = [None] * len(self.rules)
        for place, verdict in zip(self._places, found, strict=True):
            verdicts[place] = verdict
        return verdicts
