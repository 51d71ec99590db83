"""What hypothesis draws: every currency, rates of up to twelve digits over eighteen orders of magnitude, amounts."""

from decimal import Decimal

from hypothesis import strategies as st

from payments.fx.book import DIGITS
from payments.money import EXPONENTS, MAX_AMOUNT

currencies = st.sampled_from(sorted(EXPONENTS))
pairs = st.lists(currencies, min_size=2, max_size=2, unique=True)
amounts = st.integers(1, MAX_AMOUNT)
spreads = st.integers(0, 9_999)
rates = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 10**DIGITS - 1),
    st.integers(-18, -3),
)
