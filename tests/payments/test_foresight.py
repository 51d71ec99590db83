"""What days are expected to count, and when nothing is expected of them."""

from datetime import date
from uuid import UUID

from payments.payments.foresight import Foresight
from payments.risk.days import Day
from payments.risk.limits import Usage

DAY = Day(UUID(int=1), False, date(2026, 11, 26))
OTHER = DAY._replace(merchant_id=UUID(int=2))


def test_a_day_is_foreseen_as_it_was_left():
    foresight = Foresight()
    assert foresight.of([]) == {}
    assert foresight.of([DAY]) is None
    foresight.leave({DAY: Usage(volume=5, count=1)})
    assert foresight.of([DAY]) == {DAY: Usage(volume=5, count=1)}
    assert foresight.of([DAY, OTHER]) is None


def test_a_day_on_which_others_write_is_doubted_until_they_no_longer_do():
    foresight = Foresight()
    foresight.leave({DAY: Usage(volume=5, count=1), OTHER: Usage()})
    foresight.compare({DAY: Usage(volume=6, count=2)})
    foresight.leave({DAY: Usage(volume=7, count=3)})
    assert foresight.of([DAY]) is None
    assert foresight.of([OTHER]) == {OTHER: Usage()}
    for _ in range(8):
        assert foresight.of([DAY]) is None
        foresight.compare({DAY: Usage(volume=7, count=3, month_refunded=1)})
    assert foresight.of([DAY]) == {DAY: Usage(volume=7, count=3)}


def test_what_was_not_written_is_taken_back_unless_others_built_on_it():
    foresight, before, left = Foresight(), Usage(volume=5, count=1), Usage(volume=6, count=2)
    foresight.leave({DAY: before, OTHER: before})
    foresight.leave({DAY: left, OTHER: left})
    foresight.leave({OTHER: left.plus(1)})
    foresight.withdraw({DAY: left, OTHER: left}, {DAY: before, OTHER: before})
    assert foresight.of([DAY, OTHER]) == {DAY: before, OTHER: left.plus(1)}
