"""Idempotency when something happened between a request and its repetition, or when many arrive at once."""

import asyncio
import base64
import json
import secrets
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support import Caller, Platform, body_of, platform_on, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"


async def test_nothing_is_stored_for_a_request_that_was_refused(service: Platform, merchant: Caller):
    good = await merchant.payment()
    held = await merchant.authorize()
    refusals = [
        (await merchant.post(PATH, good, headers={"authorization": "Bearer x"}, key="k"), 401),
        (await merchant.but(scopes=frozenset()).post(PATH, good, key="k"), 403),
        (await merchant.post(PATH, good | {"payment_method": f"pm_{'0' * 32}"}, key="k"), 404),
        (await merchant.post(PATH, good | {"amount": 0}, key="k"), 422),
        (
            await merchant.request("POST", PATH, content=b"{", headers={"content-type": "application/json"}, key="k"),
            400,
        ),
        (await merchant.request("POST", PATH, content=b"{}", headers={"content-type": "text/plain"}, key="k"), 415),
        (await merchant.request("POST", PATH, content=b"x" * 1_000_001, key="k"), 413),
        (await merchant.post(f"{PATH}/{held['id']}/capture", {"amount": 10_001}, key="k"), 422),
        (await merchant.post(f"{PATH}/{held['id']}/refunds", key="k"), 409),
    ]
    assert [response.status_code for response, _ in refusals] == [status for _, status in refusals]
    problem_of(await merchant.get("/v1/idempotency_keys/k"), 404, "not_found")
    # The client may correct the request under the same key.
    for path, body in ((PATH, good), (f"{PATH}/{held['id']}/capture", {"amount": 10_000})):
        response = await merchant.post(path, body, key="k")
        assert response.is_success
        assert "idempotent-replayed" not in response.headers


async def test_a_reply_outlives_the_payment_method(service: Platform, merchant: Caller):
    body = await merchant.payment()
    first = await merchant.post(PATH, body, key="k")
    deleted = await merchant.request("DELETE", f"/v1/payment_methods/{body['payment_method']}", key=None)
    assert deleted.is_success
    again = await merchant.post(PATH, body, key="k")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    problem_of(await merchant.post(PATH, body | {"amount": 1}, key="k"), 422, "idempotency_key_reused")
    problem_of(await merchant.post(PATH, body), 404, "not_found")


async def test_a_card_deleted_by_another_process_is_not_charged(
    service: Platform, merchant: Caller, database: Database, redis_url: str, key_folder: Path
):
    body = await merchant.payment()
    first = await merchant.post(PATH, body, key="k")  # this process knows the card now
    async with platform_on(database, redis_url, key_folder) as elsewhere:
        there = Caller(elsewhere, merchant.identity)
        path = f"/v1/payment_methods/{body['payment_method']}"
        assert (await there.request("DELETE", path, key=None)).is_success
        assert (await there.post(PATH, body, key="k")).content == first.content
    before = service.contents()
    responses = await asyncio.gather(*(merchant.post(PATH, body) for _ in range(3)), merchant.post(PATH, body, key="k"))
    assert [response.status_code for response in responses] == [404, 404, 404, 201]
    assert responses[-1].content == first.content
    assert service.contents() == before


async def test_another_process_replays(merchant: Caller, database: Database, redis_url: str, key_folder: Path):
    # As after a kill -9 between commit and reply: only the database knows.
    body = await merchant.payment()
    first = await merchant.post(PATH, body, key="k")
    async with platform_on(database, redis_url, key_folder) as elsewhere:
        again = await Caller(elsewhere, merchant.identity).post(PATH, body, key="k")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


async def test_a_key_survives_the_rotation_of_the_key_ring(
    merchant: Caller, database: Database, redis_url: str, key_folder: Path, tmp_path: Path
):
    body = await merchant.payment()
    first = await merchant.post(PATH, body, key="k")
    folder = Path(shutil.copytree(key_folder, tmp_path / "keys"))
    ring = json.loads((folder / "keyring.json").read_text())
    ring["keys"]["k2"] = base64.b64encode(secrets.token_bytes(32)).decode()
    (folder / "keyring.json").write_text(json.dumps(ring | {"active": "k2"}))
    async with platform_on(database, redis_url, folder) as rotated:
        caller = Caller(rotated, merchant.identity)
        assert rotated.container.keyring.active == "k2"
        again = await caller.post(PATH, body, key="k")
        assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
        problem_of(await caller.post(PATH, body | {"amount": 1}, key="k"), 422, "idempotency_key_reused")


async def test_a_hundred_at_once_pay_once(service: Platform, merchant: Caller):
    body = await merchant.payment()
    responses = await asyncio.gather(*(merchant.post(PATH, body, key="k") for _ in range(100)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert sum("idempotent-replayed" not in response.headers for response in responses) == 1
    assert len(body_of(await merchant.get(PATH), 200)["data"]) == 1
    assert len(body_of(await merchant.get("/v1/ledger/transactions"), 200)["data"]) == 1
    counted = service.rows("SELECT count(*) FROM payments.events WHERE merchant_id = %s", merchant.identity.merchant_id)
    assert counted == [(1,)]


async def test_a_hundred_at_once_in_two_processes_pay_once(
    merchant: Caller, database: Database, redis_url: str, key_folder: Path
):
    body = await merchant.payment()
    async with platform_on(database, redis_url, key_folder) as elsewhere:
        callers = [merchant, Caller(elsewhere, merchant.identity)]
        await callers[1].get(PATH)
        responses = await asyncio.gather(*(callers[n % 2].post(PATH, body, key="k") for n in range(100)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert sum("idempotent-replayed" not in response.headers for response in responses) == 1
    assert len(body_of(await merchant.get(PATH), 200)["data"]) == 1


async def test_a_hundred_at_once_refund_once(merchant: Caller):
    payment = await merchant.pay()
    path = f"{PATH}/{payment['id']}/refunds"
    responses = await asyncio.gather(*(merchant.post(path, {"amount": 60}, key="k") for _ in range(100)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert sum("idempotent-replayed" not in response.headers for response in responses) == 1
    assert (await merchant.show(payment["id"]))["amount_refunded"] == 60


async def test_of_different_bodies_at_once_one_gets_the_key(merchant: Caller):
    bodies = [await merchant.payment(amount=amount) for amount in range(1, 31)]
    responses = await asyncio.gather(*(merchant.post(PATH, body, key="k") for body in bodies))
    won = [response for response in responses if response.status_code == 201]
    assert len(won) == 1
    for response in responses:
        if response is not won[0]:
            problem_of(response, 422, "idempotency_key_reused")
    assert [row["id"] for row in body_of(await merchant.get(PATH), 200)["data"]] == [won[0].json()["id"]]


async def test_many_keys_at_once_pay_once_each(merchant: Caller):
    body = await merchant.payment()
    keys = [f"key-{number % 40}" for number in range(120)]
    responses = await asyncio.gather(*(merchant.post(PATH, body, key=key) for key in keys))
    found: dict[str, set[bytes]] = {}
    for key, response in zip(keys, responses, strict=True):
        assert response.status_code == 201
        found.setdefault(key, set()).add(response.content)
    assert all(len(contents) == 1 for contents in found.values())
    assert len(set.union(*found.values())) == 40
    assert (await merchant.balance())["pending"] == 40 * 10_000


async def test_keys_are_pruned_when_they_are_old(service: Platform, merchant: Caller):
    body = await merchant.payment()
    for key in ("old", "new"):
        body_of(await merchant.post(PATH, body, key=key), 201)
    with service.sql() as connection:
        age = "UPDATE payments.idempotency_keys SET created_at = now() - interval '8 days' WHERE key = 'old'"
        connection.execute(age)
    await service.container.recovery.prune_keys(timedelta(days=7))
    problem_of(await merchant.get("/v1/idempotency_keys/old"), 404, "not_found")
    assert [use["status"] for use in await merchant.key("new")] == ["completed"]
