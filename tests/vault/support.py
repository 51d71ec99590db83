"""What the vault's tests share."""

import base64
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from payments.vault.schemas import PaymentMethodCreate
from shared.card_numbers import passes_luhn

TODAY = date(2030, 6, 15)
VISA, DECLINED, AMEX = "4242424242424242", "4000000000009995", "378282246310005"
TEST_CARDS = {VISA: None, DECLINED: "insufficient_funds"}


def write_keys(path: Path, keys: dict[str, bytes], active: str) -> Path:
    """Write a key file as an operator would: completely, then into place."""
    text = json.dumps({"active": active, "keys": {k: base64.b64encode(v).decode() for k, v in keys.items()}})
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    # Two writes may fall into one tick of the file system's clock.
    later = path.stat().st_mtime_ns + 1 if path.exists() else 0
    if draft.stat().st_mtime_ns <= later:
        os.utime(draft, ns=(later, later))
    draft.rename(path)
    return path


def card(**changes: Any) -> PaymentMethodCreate:
    """A valid request, with changes."""
    fields = {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Jane Doe"}
    return PaymentMethodCreate.model_validate({**fields, **changes})


def with_check_digit(digits: str) -> str:
    """The digits and the one that makes them pass."""
    return next(digits + last for last in "0123456789" if passes_luhn(digits + last))


def numbers(prefix: str, length: int) -> st.SearchStrategy[str]:
    """Valid card numbers of one prefix and length."""
    missing = length - len(prefix) - 1
    return st.text("0123456789", min_size=missing, max_size=missing).map(lambda rest: with_check_digit(prefix + rest))
