"""The console's scripts in Node: their logic, and their views over what the real API answers."""

import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from payments.money import EXPONENTS
from tests.conftest import Database
from tests.support import Platform, body_of, platform_on

JS = Path(__file__).parent / "js"
EVIL = "<img src=x onerror=alert(1)>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    database: Database, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, tmp_path_factory.mktemp("keys")) as platform:
        await platform.set_rates()
        yield platform


def run(node: str, *arguments: str, given: Any = None) -> str:
    # The repository's package.json is for another tool and does not say that these are modules.
    command = [node, "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", *arguments]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_their_own_tests_pass(node):
    tests = sorted(str(path) for path in JS.glob("*.test.mjs"))
    printed = run(node, "--test", "--test-isolation=none", "--test-reporter=tap", *tests)
    passed = re.search(r"^# pass (\d+)$", printed, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 30


def test_money_has_the_decimals_that_payments_calculates_by(node, static):
    script = f"import('{static / 'money.js'}').then((found) => console.log(JSON.stringify(found.EXPONENTS)))"
    assert json.loads(run(node, "-e", script)) == {code: places for code, places in EXPONENTS.items() if places != 2}


@pytest.mark.asyncio(loop_scope="module")
class TestViews:
    """Everything a stranger can write is shown as they wrote it."""

    async def answers(self, service: Platform, **paths: str) -> dict[str, Any]:
        found = {name: body_of(await service.admin.get(path), 200) for name, path in paths.items()}
        return found | {"listMerchants": body_of(await service.admin.get("/v1/merchants?limit=100"), 200)}

    def shown(self, node: str, view: str, answers: dict[str, Any], shown_id: str = "") -> tuple[list[str], str]:
        found = json.loads(run(node, str(JS / "render.mjs"), view, shown_id, given=answers))
        return found["tags"], found["text"]

    async def test_payments_and_reviews(self, service: Platform, node):
        fraud = {"review_threshold": 0, "decline_threshold": 101, "fallback_policy": "review"}
        merchant = await service.shop(name=EVIL, currency="USD", basis_points=100, fraud=fraud)
        told: dict[str, Any] = {"description": EVIL, "reference": EVIL, "device_id": EVIL, "metadata": {EVIL: EVIL}}
        paid = await merchant.pay(amount=1_234_567, currency="KWD", **told)
        one = f"/v1/payments/{paid['id']}"
        answers = await self.answers(service, listReviews="/v1/fraud/reviews", listPayments="/v1/payments")
        for view in ("reviews", "payments"):
            tags, text = self.shown(node, view, answers)
            assert not {"img", "script", "iframe"}.intersection(tags)
            assert "1,234.567 KWD" in text
            assert EVIL in text
        approved = await service.admin.post(f"/v1/fraud/reviews/{paid['id']}/approve", {"reason": EVIL}, key=None)
        assert body_of(approved, 200)["status"] == "captured"
        paths = {"getPayment": one, "getTimeline": f"{one}/timeline"}
        answers = await self.answers(service, **paths, listLedger=f"/v1/ledger/transactions?payment={paid['id']}")
        tags, text = self.shown(node, "payment", answers, paid["id"])
        assert not {"img", "script", "iframe"}.intersection(tags)
        # As merchant, reference, description, device, metadata's key and value, and the reviewer's reason.
        assert text.count(EVIL) + text.count(EVIL.capitalize()) >= 7
        settlement = answers["getPayment"]["settlement"]
        assert f"Net{settlement['net'] / 100:,.2f} USD" in text
        for step in answers["getTimeline"]["data"]:
            assert step["at"][:19].replace("T", " ") + " UTC" in text

    async def test_pauses_and_the_audit_log(self, service: Platform, node):
        path = "/v1/admin/pauses/mode/live"
        body_of(await service.admin.request("PUT", path, key=None, json={"reason": EVIL}), 200)
        answers = await self.answers(service, listPauses="/v1/admin/pauses", listAudit="/v1/admin/audit?limit=25")
        for view in ("pauses", "audit"):
            tags, text = self.shown(node, view, answers)
            assert "img" not in tags
            assert EVIL in text
        body_of(await service.admin.request("DELETE", path, key=None), 200)
