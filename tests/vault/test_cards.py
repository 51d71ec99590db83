"""Checks of a card: what is accepted, which field is to blame, and silence about its value."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from payments.vault.cards import Card, has_expired, last_place_on_earth, read_card
from shared.card_numbers import VISA, contains_card_number
from shared.problems import Problem
from tests.vault.support import AMEX, TODAY, numbers

GOOD: dict[str, Any] = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123", "today": TODAY}


def refused(**changes):
    """The problem of a card, as {pointer: detail}."""
    with pytest.raises(Problem) as caught:
        read_card(**{**GOOD, **changes})
    assert (caught.value.status, caught.value.code) == (422, "validation_failed")
    return {error.pointer: error.detail for error in caught.value.errors}


@pytest.mark.parametrize(
    "number",
    ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "42 42424242424-242", " 4242424242424242 "],
)
def test_spaces_and_dashes_are_taken_out(number):
    assert read_card(**{**GOOD, "number": number}) == Card("4242424242424242", VISA, 12, 2034)


@pytest.mark.parametrize(
    "number",
    [
        "",
        " ",
        "4242",
        "4242424242424241",
        "42424242424242424242",
        "4242424242424242x",
        "4242--4242-4242-4242",
        "4242_4242_4242_4242",
        "-4242424242424242",
        "４２４２４２４２４２４２４２４２",  # noqa: RUF001 - full-width digits
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "4242424242424242\n",
        "9999999999999995",
        "4 " * 500_000,
        "424242424242424",
    ],
)
def test_wrong_numbers_point_at_the_number(number):
    assert list(refused(number=number)) == ["/number"]


def test_reasons_differ():
    details = {
        refused(number=number)["/number"]
        for number in ("hello", "9999999999999995", "42424242424242424", "4242424242424241")
    }
    assert len(details) == 4


@pytest.mark.parametrize(
    ("number", "cvc"),
    [
        *(("4242424242424242", cvc) for cvc in ("1234", "12", "12a", "", " 123", "123\n", "١٢٣")),
        *((AMEX, cvc) for cvc in ("123", "12345")),
    ],
)
def test_the_cvc_fits_the_brand(number, cvc):
    assert list(refused(number=number, cvc=cvc)) == ["/cvc"]


def test_american_express_has_four_digits():
    assert read_card(**{**GOOD, "number": AMEX, "cvc": "1234"}).brand.name == "amex"


@pytest.mark.parametrize(
    ("month", "year", "pointer"),
    [
        (5, 2030, "/exp_month"),
        (12, 2029, "/exp_year"),
        (12, 2000, "/exp_year"),
        (12, 34, "/exp_year"),
        (12, 2081, "/exp_year"),
        (12, 10**30, "/exp_year"),
        (0, 2034, "/exp_month"),
        (13, 2034, "/exp_month"),
    ],
)
def test_expiry_points_at_the_part_that_is_wrong(month, year, pointer):
    assert list(refused(exp_month=month, exp_year=year)) == [pointer]


def test_a_card_is_good_to_the_end_of_its_month():
    assert not has_expired(6, 2030, date(2030, 6, 30))
    assert has_expired(6, 2030, date(2030, 7, 1))
    assert has_expired(12, 2029, date(2030, 1, 1))
    assert not has_expired(1, 2031, date(2030, 12, 31))
    assert read_card(**{**GOOD, "exp_month": 6, "exp_year": 2030}).exp_month == 6


@pytest.mark.parametrize(("hour", "day"), [(11, date(2030, 6, 30)), (12, date(2030, 7, 1))])
def test_a_month_ends_when_it_has_ended_everywhere(hour, day):
    with time_machine.travel(datetime(2030, 7, 1, hour, 0, 0, tzinfo=UTC), tick=False):
        assert last_place_on_earth() == day


def test_every_error_is_reported_at_once():
    assert set(refused(number="4242424242424241", cvc="1", exp_month=13, exp_year=1999)) == {
        "/number",
        "/cvc",
        "/exp_month",
        "/exp_year",
    }


@given(
    number=st.one_of(numbers("4", 16), numbers("4", 17), st.text("0123456789", min_size=8, max_size=30)),
    cvc=st.text("0123456789", min_size=5, max_size=9),
)
def test_errors_never_repeat_the_value(number, cvc):
    with pytest.raises(Problem) as caught:
        read_card(**{**GOOD, "number": number, "cvc": cvc, "exp_year": 2001})
    said = repr(caught.value) + str(caught.value) + caught.value.body("/v1/payment_methods", "req_1").decode()
    for secret in (number, number[-4:], cvc):
        assert secret not in said


@given(numbers("4", 16), st.integers(1, 8), st.sampled_from([" ", "-"]))
def test_whatever_the_vault_takes_is_recognized_elsewhere(number, size, separator):
    written = separator.join(number[start : start + size] for start in range(0, 16, size))
    assert read_card(**{**GOOD, "number": written}).number == number
    assert contains_card_number(written)


def test_a_card_hides_its_number():
    assert "4242" not in repr(read_card(**GOOD))
