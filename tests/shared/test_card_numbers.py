"""What counts as a card number, and what does not."""

import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.card_numbers import MASK, brand_of, contains_card_number, mask_card_numbers, passes_luhn
from tests.vault.support import numbers, with_check_digit

DIGITS = "0123456789"
SEPARATORS = ["", " ", "-", ".", "  ", "- ", "\u2013", "\u00a0", "+", "%20", "\n"]
VALID = st.one_of(
    numbers("4", 13),
    numbers("4", 16),
    numbers("4", 19),
    numbers("51", 16),
    numbers("2720", 16),
    numbers("34", 15),
    numbers("6011", 16),
    numbers("36", 14),
    numbers("3528", 16),
    numbers("62", 19),
    numbers("6759", 18),
)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"),
        ("4000056655665556", "visa"),
        ("4222222222222", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("2221000000000009", "mastercard"),
        ("2720990000000007", "mastercard"),
        ("378282246310005", "amex"),
        ("371449635398431", "amex"),
        ("6011111111111117", "discover"),
        ("6445644564456445", "discover"),
        ("3056930009020004", "diners"),
        ("36227206271667", "diners"),
        ("3566002020360505", "jcb"),
        ("6200000000000005", "unionpay"),
        ("6205500000000000004", "unionpay"),
        (with_check_digit("817199990000002"), "unionpay"),
        ("6759649826438453", "maestro"),
    ],
)
def test_brands(number, brand):
    found = brand_of(number)
    assert found is not None
    assert found.name == brand
    assert passes_luhn(number)
    assert contains_card_number(number)


@pytest.mark.parametrize(
    "prefix",
    ["000000", "222099", "272100", "309600", "330000", "352799", "359000", "600000", "643999", "817200", "999999"],
)
def test_neighbours_of_ranges_belong_to_nobody(prefix):
    assert brand_of(prefix) is None


@given(st.text(DIGITS, min_size=1, max_size=40))
def test_exactly_one_check_digit_fits(digits):
    assert [passes_luhn(digits + last) for last in DIGITS].count(True) == 1


@given(VALID, st.data())
def test_one_wrong_digit_is_noticed(number, data):
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from(DIGITS.replace(number[place], "")))
    assert not passes_luhn(number[:place] + wrong + number[place + 1 :])


@given(VALID, st.data())
def test_swapped_neighbours_are_noticed(number, data):
    place = data.draw(st.integers(0, len(number) - 2))
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    # Luhn's one blind spot: 09 and 90.
    unnoticed = number[place] == number[place + 1] or {number[place], number[place + 1]} == {"0", "9"}
    assert passes_luhn(swapped) is unnoticed


@given(
    VALID,
    st.sampled_from(["", " ", "-", ".", "  ", " - "[:2], "\u2013", "\u00a0", "+", "%20", "\n"]),
    st.integers(2, 6),
)
def test_found_and_masked_with_any_separator(number, separator, size):
    written = separator.join(number[start : start + size] for start in range(0, len(number), size))
    text = f"pay with {written}, thanks"
    assert contains_card_number(text)
    assert mask_card_numbers(text) == f"pay with {MASK}, thanks"


@given(VALID, st.text("ghijkxyz _/:;,\"'{}", max_size=8), st.text("ghijkxyz _/:;,\"'{}", max_size=8))
def test_found_and_masked_inside_other_text(number, before, after):
    assert contains_card_number(before + number + after)
    assert mask_card_numbers(before + number + after) == before + MASK + after


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242 12/30 123",
        "order 12 4242424242424242",
        "card4242424242424242",
        "４２４２４２４２４２４２４２４２",  # noqa: RUF001 - full-width digits are digits to a reader
        '{"number":"4242-4242-4242-4242"}',
        "/v1/payments/4242424242424242?x=1",
        "4242424242424242 and 378282246310005",
    ],
)
def test_found_in_disguise(text):
    assert contains_card_number(text)
    assert "4242" not in mask_card_numbers(text).replace("４", "4").replace("２", "2")  # noqa: RUF001


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Order 1234",
        "4242424242424241",  # check digit
        "424242424242424",  # length
        "1732320000000",  # milliseconds since 1970
        "2026-11-22T22:43:00.123456Z",
        "2026-11-22 22:43:00 +0100",
        "+49 30 123456 7890",
        "192.168.100.200:8080",
        "DE89 3704 0044 0532 0130 00",
        "pay_4242424242424242424242424242424c",
        "4242424242424242-4242424242424a42",
        "d41d8cd98f00b4242424242424242424",
        with_check_digit("9" * 15),
        "12345678901234567890123",
    ],
)
def test_harmless(text):
    assert not contains_card_number(text)
    assert mask_card_numbers(text) == text


def test_identifiers_are_never_taken_for_card_numbers():
    assert not [text for _ in range(20_000) if contains_card_number(text := f"pay_{uuid4().hex} {uuid4()}")]


@given(st.text(max_size=60))
def test_masking_leaves_no_card_number_behind(text):
    assert contains_card_number(text) is (MASK in mask_card_numbers(text) and MASK not in text)
    assert not contains_card_number(mask_card_numbers(text))


@pytest.mark.parametrize("text", ["4" * 1_000_000, "4 " * 100_000, "4242-" * 100_000, "%20" * 200_000, "4a" * 400_000])
def test_long_texts_take_time_in_proportion(text):
    started = time.process_time()
    contains_card_number(text)
    assert time.process_time() - started < 5
