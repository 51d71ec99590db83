"""The language of conditions: typed, bounded, and precise about its errors."""

import pytest

from payments.fraud.expressions import MAX_LENGTH, Condition, ConditionError, Conditions, compile_condition
from payments.fraud.vocabulary import VARIABLES

SAMPLE = {name: 1 if kind == "int" else "x" for name, (kind, _) in VARIABLES.items()}


def evaluate(condition: str, **values: int | str) -> bool | None:
    """Names without dots stand for ``signals.…``; the others are samples."""
    named = {f"signals.{name}": value for name, value in values.items()}
    return Conditions([compile_condition(condition)]).evaluate(SAMPLE | named)[0]


@pytest.mark.parametrize(
    ("condition", "line", "column", "message"),
    [
        ("payment.amont > 100", 1, 1, "there is no payment.amont here; did you mean payment.amount?"),
        ("payment.amount > 1 &&\n  payment.card.brnd == 'visa'", 2, 3, "did you mean payment.card.brand?"),
        ("true && signals.card_count_2h > 3", 1, 9, "did you mean signals.card_count_24h?"),
        ("payment.amount > '100'", 1, 16, "no matching overload for '_>_' applied to '(int, string)'"),
        ("payment.amount > 1.5", 1, 16, "(int, double)"),
        ("payment.amount > ", 1, 18, "Syntax error"),
        ("payment.amount = 5", 1, 16, "Syntax error"),
        ("(payment.amount > 5", 1, 20, "missing ')'"),
        ("payment.amount > 5 and true", 1, 20, "'and'"),
        ("true), (false", 1, 5, "')'"),
        ("payment.amount + 1", 1, 1, "true or false, this is of type int"),
        ("payment.currency", 1, 1, "of type string"),
        ("'é🎉' == payment.nothing", 1, 9, "there is no payment.nothing"),
        ("", 1, 1, "Syntax error"),
    ],
)
def test_refuses_with_the_place_of_the_error(condition, line, column, message):
    with pytest.raises(ConditionError) as caught:
        compile_condition(condition)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in caught.value.detail


@pytest.mark.parametrize(
    "condition",
    [
        "[1, 2].all(x, x > 0)",
        "[1].map(x, x)[0] == 1",
        "__import__('os') == 1",
        "payment.__class__ == 'str'",
        "env('HOME') == ''",
        "payment == payment",
        "signals.exists(s, s == 'a')",
    ],
)
def test_has_no_loops_and_reaches_nothing_else(condition):
    with pytest.raises(ConditionError):
        compile_condition(condition)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("true" + " " * MAX_LENGTH, "at most 1000 characters"),
        ("(" * 40 + "true" + ")" * 40, "nested too deeply"),
        ("payment.amount " + "+ 1 " * 100 + "> 5", "nested too deeply"),
    ],
)
def test_is_bounded(condition, message):
    with pytest.raises(ConditionError, match=message):
        compile_condition(condition)


def test_what_stands_alone_also_stands_in_a_list():
    accepted = 0
    for depth in range(40):
        try:
            condition = compile_condition("(" * depth + "true" + ")" * depth)
        except ConditionError:
            break
        accepted += 1
        assert Conditions([condition] * 3).evaluate({}) == [True] * 3
    assert 10 < accepted < 40


def test_every_variable_is_found_however_it_is_written():
    for name, (kind, _) in VARIABLES.items():
        literal = "1" if kind == "int" else "'a'"
        spaced = name.replace(".", " .\n ")
        assert name in compile_condition(f"{spaced} == {literal} // comment").variables


def test_variables_are_only_those_of_the_condition():
    condition = compile_condition("payment.amount > 5 && signals.card_count_1h > 2")
    assert condition.variables == {"payment.amount", "signals.card_count_1h"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("signals.card_count_1h > 3 || signals.ip_count_1h > 3", True),
        ("signals.ip_count_1h > 3 || signals.card_count_1h > 3", True),
        ("signals.card_count_1h > 3 && signals.ip_count_1h > 3", None),
        ("signals.card_count_1h < 3 && signals.ip_count_1h > 3", False),
        ("signals.ip_count_1h > 3", None),
        ("signals.card_count_1h > 3", True),
    ],
)
def test_an_unknown_value_matters_only_where_it_decides(condition, expected):
    known = {"signals.card_count_1h": 5}
    others: list[Condition] = [compile_condition("signals.card_count_1h == 5")]
    assert Conditions([compile_condition(condition), *others]).evaluate(known) == [expected, True]


@pytest.mark.parametrize(
    "condition", ["1 / (signals.ip_count_1h - 1) > 0", "signals.ip_count_1h * 9223372036854775807 > 0"]
)
def test_arithmetic_that_fails_decides_nothing_and_spoils_no_other(condition):
    value = 1 if "/" in condition else 2
    conditions = Conditions([compile_condition(condition), compile_condition("true"), compile_condition("false")])
    assert conditions.evaluate({"signals.ip_count_1h": value}) == [None, True, False]


def test_a_hundred_conditions_keep_their_order():
    conditions = Conditions([compile_condition(f"signals.card_count_1h == {number}") for number in range(100)])
    assert conditions.evaluate({"signals.card_count_1h": 77}) == [number == 77 for number in range(100)]


def test_no_conditions_at_all():
    assert Conditions([]).evaluate({}) == []


def test_evaluates_every_kind_of_variable():
    assert evaluate("payment.currency == 'x' && payment.amount == 1 && time.hour_local == 1")
    assert evaluate("payment.card.bin.startsWith('x') && payment.currency in ['x', 'y']")
    assert evaluate("signals.card_count_1h == 7", card_count_1h=7)
