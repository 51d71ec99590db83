"""The commands as a person at the terminal meets them."""

import asyncio
import os
import re
import subprocess
import sys

import pytest

from tests.books.life import live
from tests.support import VISA, Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(service: Platform, *words: str) -> tuple[int, str]:
    """Run the command line on the module's database."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "payments", *words],
        env=os.environ | {"PAYMENTS_DATABASE_URL": service.database.url, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode, ran.stdout + ran.stderr


async def test_verify_says_what_holds_and_exits_1_when_it_does_not(service: Platform):
    await live(service)
    code, shown = await run(service, "ledger", "verify")
    assert code == 0, shown
    assert shown.count("✓") == len(shown.splitlines()) > 15
    with service.sql() as connection:
        connection.execute("UPDATE payments.merchant_days SET volume = volume + 1")
    code, shown = await run(service, "ledger", "verify")
    assert code == 1
    assert "✗" in shown
    assert "limits: what counts against each merchant's limits" in shown


async def test_inspect_tells_all_but_the_card(service: Platform):
    merchant = await live(service)
    payment = await merchant.pay("4000009000000011", amount=4_321, reference="order-7")
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()
    code, shown = await run(service, "inspect", payment["id"])
    assert code == 0, shown
    for part in ("order-7", "captured", "acquirer_receivable", "payment.captured", "receipt", "timeline", "lookup"):
        assert part in shown
    assert re.search(r"payment\.captured +evt_[0-9a-f]{32}\n", shown), "whole, also where the terminal is narrow"
    assert "Traceback" not in shown
    for secret in (VISA, "424242", "400000", "fingerprint"):
        assert secret not in shown


async def test_inspect_refuses_what_is_no_payment(service: Platform):
    for wrong in ("pay_1", "pay_" + "0" * 32):
        code, shown = await run(service, "inspect", wrong)
        assert code == 1
        assert shown.startswith("payments: ")
        assert "Traceback" not in shown
