import re
from itertools import product

import psycopg
import pytest

from payments.payments import states
from payments.payments.states import INITIAL, STATUSES, TRANSITIONS, check_transition
from shared.problems import Problem

LEGAL = {
    "processing": {"authorized", "captured", "declined", "failed", "unknown"},
    "review": {"processing", "authorized", "captured", "declined"},
    "authorized": {"captured", "voided", "expired"},
    "unknown": {"authorized", "captured", "declined", "failed"},
}


def test_every_pair_of_states_is_classified_by_a_documented_cause():
    assert set(TRANSITIONS) == set(product(STATUSES, STATUSES))
    causes = set(TRANSITIONS.values())
    assert causes == {".", *"ALTDCVX"}
    assert set(re.findall(r"\b([A-Z])  [a-z]", states.__doc__ or "")) == causes - {"."}


@pytest.mark.parametrize(("source", "target"), list(product(STATUSES, STATUSES)))
def test_a_transition_passes_exactly_when_the_machine_allows_it(source, target):
    if target in LEGAL.get(source, set()):
        check_transition(source, target)
        return
    with pytest.raises(Problem) as caught:
        check_transition(source, target)
    assert (caught.value.status, caught.value.code, caught.value.effect) == (409, "payment_state", "none")
    assert source in caught.value.detail
    assert target in caught.value.detail


def test_final_states_have_no_way_out():
    for final in ("captured", "voided", "expired", "declined", "failed"):
        assert {cause for (source, _), cause in TRANSITIONS.items() if source == final} == {"."}


def test_only_evidence_ends_unknown():
    assert {cause for (source, _), cause in TRANSITIONS.items() if source == "unknown"} == {".", "L"}


def test_a_payment_starts_undecided_or_as_the_first_answer_left_it():
    assert {"processing", "review", "authorized", "captured", "declined"} == INITIAL


def test_a_table_with_a_hole_is_refused():
    whole = """
        from \\ to  a  b
        a           .  A
        b           .  .
    """
    assert states._parse(whole) == {("a", "a"): ".", ("a", "b"): "A", ("b", "a"): ".", ("b", "b"): "."}
    with pytest.raises(ValueError, match="shorter"):
        states._parse(whole.replace("b           .  .", "b           ."))


def test_the_database_knows_the_same_states(owner_database_url):
    with psycopg.connect(owner_database_url) as connection:
        (rule,) = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'payments.payments'::regclass AND conname = 'payments_status_check'"
        ).fetchone() or ("",)
    assert {status for status in rule.split("'") if status.isalpha()} == set(STATUSES)
