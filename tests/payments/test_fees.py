"""The platform's fee: half-even on the captured total, whatever parts it was captured in."""

from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from payments.money import MAX_AMOUNT
from payments.payments.domain import fee
from tests.payments.builders import accounts, authorized, captured, perform

basis_points = st.integers(0, 10_000)
fixed = st.integers(0, 1_000)


def exact(points: int, fixed_part: int, captured_total: int) -> int:
    share = Decimal(captured_total) * points / 10_000
    return int(share.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) + fixed_part


@given(points=basis_points, fixed_part=fixed, total=st.integers(1, MAX_AMOUNT))
@example(points=50, fixed_part=0, total=100)  # 0.5 goes to 0,
@example(points=50, fixed_part=0, total=300)  # and 1.5 to 2
def test_a_fee_is_rounded_half_even(points, fixed_part, total):
    assert fee(points, fixed_part, total) == exact(points, fixed_part, total)


def test_nothing_captured_costs_nothing():
    assert fee(250, 30, 0) == 0


@given(points=basis_points, fixed_part=fixed, parts=st.lists(st.integers(1, 10_000), min_size=1, max_size=8))
@example(points=50, fixed_part=0, parts=[100, 100, 100])
def test_parts_cost_together_what_the_total_costs(points, fixed_part, parts):
    payment = authorized(amount=sum(parts), fee_basis_points=points, fee_fixed=fixed_part)
    changes = []
    for part in parts:
        changes.append(perform(payment, "capture", part, final=False))
        payment = changes[-1].payment
    assert payment.status == "captured"
    total = exact(points, fixed_part, sum(parts))
    assert payment.fee_charged == total
    posted = accounts(*changes)
    assert posted.get("platform_fees", 0) == -total
    assert posted.get("merchant_pending", 0) == total - sum(parts)
    assert posted["acquirer_receivable"] == sum(parts)
    at_once = captured(amount=sum(parts), fee_basis_points=points, fee_fixed=fixed_part)
    assert at_once.fee_charged == total
