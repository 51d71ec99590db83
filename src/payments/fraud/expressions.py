"""Conditions: a small, typed language without loops, side effects or access to anything but the payment's variables.

It is CEL without macros, in the implementation of its makers: types are checked when a rule is saved, evaluation is
linear in the length of the text, and errors name their place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from cel_expr_python import cel  # type: ignore[import-untyped] # it has stubs, but no marker that says so

from payments.fraud.vocabulary import VARIABLES

MAX_LENGTH = 1000

# Macros are the loops of CEL. There are no lists to go through here, only ways to burn time.
_ENVIRONMENT = cel.NewEnv(
    config=cel.NewEnvConfigFromYaml(
        "stdlib:\n  disable_macros: true\nvariables:\n"
        + "".join(f'  - name: "{name}"\n    type_name: "{kind}"\n' for name, (kind, _) in VARIABLES.items())
    )
)
_ERROR = re.compile(r"ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<detail>.*)")
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']*)'")

Value = int | str


class ConditionError(ValueError):
    """A condition that cannot be used; line and column count from 1, and are 0 when all of it is meant."""

    def __init__(self, detail: str, line: int = 0, column: int = 0) -> None:
        """Take what is wrong, and where."""
        self.detail = detail
        self.line = line
        self.column = column
        super().__init__(f"line {line}, column {column}: {detail}" if line else detail)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was checked; ``variables`` are the names it reads."""

    source: str
    variables: frozenset[str]
    _expression: cel.Expression

    def holds(self, variables: cel.Activation) -> bool | None:
        """Return whether it holds; none when a variable it needs is unknown, or the arithmetic fails."""
        value = _plain(self._expression, variables)
        return value if isinstance(value, bool) else None


@lru_cache(maxsize=1024)
def compile_condition(source: str) -> Condition:
    """Check and compile a condition.

    Raises:
        ConditionError: it is too long, not in the language, uses an unknown name, or gives no truth value.

    """
    if len(source) > MAX_LENGTH:
        raise ConditionError(f"a condition has at most {MAX_LENGTH} characters")
    expression = _compile(source)
    if expression.return_type() != cel.Type.BOOL:
        kind = expression.return_type().name().lower()
        raise ConditionError(f"a condition is true or false, this is of type {kind}", 1, 1)
    try:
        _ENVIRONMENT.compile(_list_of([source]))
    except RuntimeError:
        raise ConditionError("nested too deeply") from None
    # The checked expression lists every name it refers to. A name in a text literal may come along: harmless.
    names = expression.serialize()
    return Condition(source, frozenset(name for name in VARIABLES if name.encode() in names), expression)


class Conditions:
    """Conditions that are always evaluated together: as one expression, which costs a third of one after the other."""

    _CHUNK = 32

    def __init__(self, conditions: Sequence[Condition]) -> None:
        """Take checked conditions."""
        self._conditions = conditions
        self._variables = tuple(sorted(frozenset[str]().union(*(each.variables for each in conditions))))
        self._expressions = [
            _ENVIRONMENT.compile(_list_of([each.source for each in conditions[start : start + self._CHUNK]]))
            for start in range(0, len(conditions), self._CHUNK)
        ]

    def evaluate(self, variables: Mapping[str, Value]) -> list[bool | None]:
        """Return for each condition whether it holds; none when that cannot be told.

        Names missing from ``variables`` are unknown: a condition that holds whatever their value (``a || unknown``,
        when a is true) still does.
        """
        known = {name: variables[name] for name in self._variables if name in variables}
        activation = _ENVIRONMENT.Activation(known)
        if len(known) == len(self._variables):
            found: list[bool | None] = []
            for expression in self._expressions:
                values = _plain(expression, activation)
                if not isinstance(values, list):
                    break
                found += values
            else:
                return found
        return [condition.holds(activation) for condition in self._conditions]


def _list_of(sources: Sequence[str]) -> str:
    # Line breaks, because a condition may end with a comment.
    return "[" + ",".join(f"(\n{source}\n)" for source in sources) + "]"


def _plain(expression: cel.Expression, variables: cel.Activation) -> object:
    """Return the value of an expression; a failure inside it comes back as a text."""
    try:
        return expression.eval(variables).plain_value()
    except RuntimeError:
        return None


def _compile(source: str) -> cel.Expression:
    try:
        return _ENVIRONMENT.compile(source)
    except RuntimeError as error:
        found = _ERROR.search(str(error))
        if found is None or int(found["line"]) < 1:
            raise ConditionError("nested too deeply") from None
        line, column, detail = int(found["line"]), int(found["column"]), found["detail"]
    undeclared = _UNDECLARED.search(detail)
    if undeclared is None:
        raise ConditionError(detail.removesuffix(" [INVALID_ARGUMENT]"), line, column)
    name = undeclared["name"]
    text = source.split("\n")[line - 1]
    # The place given is the last dot of a name, or the bracket after it; people look for where the name starts.
    start = text.rfind(name, 0, column + len(name)) + 1
    meant = get_close_matches(name, VARIABLES, n=1)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    raise ConditionError(f"there is no {name} here{hint}", line, start or column)
