"""Settlement files: matched, extra, missing, other amounts; evidence for what was unknown; the same file twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from payments.books.verify import broken, verify
from payments.reconciliation import settlement_file
from payments.reconciliation.sandbox_file import settle
from payments.reconciliation.settlement_file import SettlementFile, SettlementFileError, SettlementLine
from tests.books.life import live
from tests.support import Platform, body_of, problem_of


async def lines_of(service: Platform) -> list[SettlementLine]:
    """What the sandbox acquirer settles now."""
    async with service.container.database.snapshot() as connection:
        return await settle(connection, datetime.now(UTC) + timedelta(seconds=1))


async def reconcile(service: Platform, lines: list[SettlementLine], path: Path) -> dict[str, Any]:
    return await service.container.reconciliation.reconcile(as_file(lines, path))


def as_file(lines: list[SettlementLine], path: Path) -> SettlementFile:
    settlement_file.write(path / "settlement.csv", lines)
    return settlement_file.read(path / "settlement.csv")


def numbered(lines: list[SettlementLine], **changes: Any) -> list[SettlementLine]:
    return [line.model_copy(update={"line": number, **changes}) for number, line in enumerate(lines, start=1)]


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: report[name] for name in ("lines", "matched", "amount_differs", "extra", "missing", "resolved")}


def accounts(service: Platform) -> dict[tuple[str, str], int]:
    rows = service.rows(
        "SELECT a.kind, a.currency, sum(p.amount)::bigint FROM payments.postings p JOIN payments.ledger_accounts a "
        "ON a.id = p.account_id GROUP BY 1, 2 HAVING sum(p.amount) <> 0"
    )
    return {(kind, currency): amount for kind, currency, amount in rows}


async def check_books(service: Platform) -> None:
    async with service.container.database.snapshot() as connection:
        assert [(each.check.name, each.differences) for each in broken(await verify(connection))] == []


async def test_a_complete_file_matches_and_clears_what_was_open(service: Platform, tmp_path: Path):
    await live(service)
    paid_out = accounts(service).get(("platform_bank", "EUR"), 0)
    lines = await lines_of(service)
    assert {line.type for line in lines} == {"capture", "refund", "dispute", "dispute_reversal"}
    report = await reconcile(service, lines, tmp_path)
    assert report["differences"] == []
    assert report["matched"] == report["lines"] == len(lines)
    assert report["resolved"] == 3, "a payment, a refund and a capture were unknown"
    left = accounts(service)
    for account in ("acquirer_receivable", "refunds", "chargebacks", "suspense"):
        assert not [key for key in left if key[0] == account], left
    for currency, amount in report["net"].items():
        bank = left["platform_bank", currency] - (paid_out if currency == "EUR" else 0)
        assert bank == amount
        assert left["acquirer_fees", currency] == sum(line.fee for line in lines if line.currency == currency) > 0
    await check_books(service)
    assert await lines_of(service) == []


async def test_the_same_file_twice_changes_nothing(service: Platform, tmp_path: Path):
    shop = await service.shop()
    await shop.pay(amount=1_000)
    lines = await lines_of(service)
    first = await reconcile(service, lines, tmp_path)
    before = service.contents()
    again = await reconcile(service, lines, tmp_path)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert {**again, "repeated": False} == first
    assert service.contents() == before
    other = [line.model_copy(update={"amount": 999}) for line in lines]
    with pytest.raises(SettlementFileError, match="another file"):
        await reconcile(service, other, tmp_path)
    assert service.contents() == before


async def test_every_kind_of_difference_is_reported_and_put_aside(service: Platform, tmp_path: Path):
    shop = await service.shop()
    paid = [await shop.pay(amount=amount) for amount in (1_000, 2_000, 4_000)]
    lines = {line.key: line for line in await lines_of(service)}
    keys = [payment["id"].removeprefix("pay_") for payment in paid]
    unknown = lines[keys[0]].model_copy(update={"key": "f" * 32, "amount": 7})
    wrong = lines[keys[1]].model_copy(update={"amount": 1_900})
    report = await reconcile(service, numbered([lines[keys[0]], wrong, unknown, lines[keys[0]]]), tmp_path)
    assert counts(report) == {
        "lines": 4,
        "matched": 1,
        "amount_differs": 1,
        "extra": 2,  # somebody else's, and one that is there twice
        "missing": 1,
        "resolved": 0,
    }
    by_result = {each["result"]: each for each in report["differences"]}
    assert (by_result["amount_differs"]["amount"], by_result["amount_differs"]["expected"]) == (1_900, 2_000)
    assert (by_result["missing"]["key"], by_result["missing"]["expected"]) == (keys[2], 4_000)
    await service.container.vitals.books()
    shown = service.container.telemetry.registry.gauge("payments_reconciliation_differences").cells
    assert {kind: cell.value for (kind,), cell in shown.items()} == {"amount_differs": 1, "extra": 2, "missing": 1}
    left = accounts(service)
    # 100 too little, 7 that belong to nobody, and 1,000 once too often.
    assert left["suspense", "EUR"] == 100 - 7 - 1_000
    assert left["acquirer_receivable", "EUR"] == 4_000
    later = await reconcile(service, await lines_of(service), tmp_path)
    assert counts(later)["matched"] == counts(later)["lines"] == 1
    assert ("acquirer_receivable", "EUR") not in accounts(service)
    await check_books(service)


async def test_what_was_settled_once_is_extra_in_a_later_file(service: Platform, tmp_path: Path):
    shop = await service.shop()
    await shop.pay(amount=1_000)
    lines = await lines_of(service)
    await reconcile(service, lines, tmp_path)
    report = await reconcile(service, numbered(lines, settlement_id="another"), tmp_path)
    assert (report["matched"], report["extra"]) == (0, 1)
    assert accounts(service)["suspense", "EUR"] == -1_000
    await check_books(service)


async def test_a_record_of_another_amount_is_no_evidence(service: Platform, tmp_path: Path):
    shop = await service.shop()
    payment = await shop.pay("4000009000000011", amount=900)
    assert payment["status"] == "unknown"
    [line] = await lines_of(service)
    await reconcile(service, [line.model_copy(update={"amount": 901})], tmp_path)
    assert (await shop.show(payment["id"]))["status"] == "unknown"
    await reconcile(service, [line.model_copy(update={"settlement_id": "another"})], tmp_path)
    assert (await shop.show(payment["id"]))["status"] == "captured"
    assert (await shop.causes(payment["id"]))[-1] == "settlement:captured"
    body_of(await shop.post(f"/v1/payments/{payment['id']}/refunds"), 201)


async def test_people_of_operations_read_the_reports(service: Platform, tmp_path: Path):
    shop = await service.shop()
    await shop.pay(amount=1_000)
    report = await reconcile(service, await lines_of(service), tmp_path)
    person = service.caller("person", None, "operations")
    found = body_of(await person.get("/v1/reconciliations"), 200)["data"]
    assert [row["id"] for row in found] == [report["id"]]
    one = body_of(await person.get(f"/v1/reconciliations/{report['id']}"), 200)
    assert one == {name: value for name, value in report.items() if name != "repeated"}
    problem_of(await shop.get("/v1/reconciliations"), 403, "forbidden")
    problem_of(await person.get("/v1/reconciliations/rec_" + "0" * 32), 404, "not_found")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "", "no lines"),
        (lambda text: text.splitlines()[0], "no lines"),
        (lambda text: text.replace("currency", "curency", 1), "the header lacks currency"),
        (lambda text: text.replace("EUR", "eur"), "row 2: currency"),
        (lambda text: text.replace("capture", "gift"), "row 2: type"),
        (lambda text: text.replace(",1000,", ",10.00,"), "row 2: amount"),
        (lambda text: text.replace(",1000,", ",-1000,"), "row 2: amount"),
        (lambda text: text + text.splitlines()[1], "a line number is there twice"),
        (lambda text: text + text.splitlines()[1].replace("sandbox", "another"), "row 3: acquirer"),
    ],
)
def test_a_broken_file_is_refused_as_a_whole(tmp_path: Path, damage: Any, message: str):
    now = datetime.now(UTC)
    line = SettlementLine(
        settlement_id="s-1",
        acquirer="sandbox",
        livemode=False,
        covers_until=now,
        line=1,
        type="capture",
        key="a" * 32,
        reference="sbx_1",
        amount=1_000,
        fee=5,
        currency="EUR",
        settled_at=now,
    )
    path = tmp_path / "file.csv"
    settlement_file.write(path, [line])
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SettlementFileError, match=message):
        settlement_file.read(path)
