"""The vault's door: what goes in, what comes out, and who may have it."""

import asyncio
import logging

import psycopg
import pytest
import sqlalchemy as sa

from payments.http.lists import Cursor
from payments.vault.envelope import Envelope, KeysUnavailableError
from payments.vault.service import Vault
from shared.ids import new_uuid, uuid_of
from shared.problems import Problem
from tests.vault.support import AMEX, DECLINED, TEST_CARDS, TODAY, VISA, card

FIRST_PAGE = Cursor(10, None, None)


async def tokenized(vault, merchant, *, livemode=False, **changes):
    """The id of a fresh payment method."""
    return uuid_of("pm", (await vault.tokenize(merchant, card(**changes), livemode=livemode)).id)


async def missing(awaitable):
    with pytest.raises(Problem) as caught:
        await awaitable
    assert (caught.value.status, caught.value.code) == (404, "not_found")


def stored(url, table):
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(f"SELECT * FROM vault.{table}").fetchall()  # noqa: S608 - a name in this file


@pytest.fixture
def statements(store):
    """Every statement sent to the database."""
    seen = []
    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


async def test_a_token_shows_what_may_be_shown(vault, merchant):
    method = await vault.tokenize(merchant, card(), livemode=False)
    shown = method.model_dump(mode="json")
    assert shown["object"] == "payment_method"
    assert shown["type"] == "card"
    assert shown["livemode"] is False
    assert shown["created_at"].endswith("Z")
    assert shown["card"] == {
        "brand": "visa",
        "last4": "4242",
        "bin": "424242",
        "exp_month": 12,
        "exp_year": 2034,
        "name": "Jane Doe",
        "fingerprint": method.card.fingerprint,
        "fingerprint_key_id": "f1",
    }
    assert await vault.get(merchant, uuid_of("pm", method.id), livemode=False) == method


async def test_the_number_comes_back_for_an_acquirer_only(vault, merchant):
    method_id = await tokenized(vault, merchant, number=AMEX, cvc="1234")
    assert (await vault.reveal(merchant, method_id)).reveal() == AMEX
    await missing(vault.reveal(new_uuid(), method_id))
    await missing(vault.reveal(merchant, new_uuid()))


async def test_a_reveal_leaves_a_trace_without_the_number(vault, merchant, caplog):
    method_id = await tokenized(vault, merchant)
    with caplog.at_level(logging.INFO):
        await vault.reveal(merchant, method_id)
    (record,) = [record for record in caplog.records if record.name == "payments.vault.service"]
    assert record.payment_method == f"pm_{method_id.hex}"
    assert VISA not in str(vars(record))


async def test_a_record_moved_to_another_row_does_not_open(vault, merchant, owner_database_url):
    mine, other = await tokenized(vault, merchant), await tokenized(vault, merchant)
    columns = "wrapped_key, nonce, ciphertext, key_id"
    with psycopg.connect(owner_database_url) as connection:
        connection.execute(
            f"UPDATE vault.cards SET ({columns}) = (SELECT {columns} FROM vault.cards WHERE payment_method_id = %s)"  # noqa: S608
            " WHERE payment_method_id = %s",
            [other, mine],
        )
    with pytest.raises(Exception, match="does not open"):
        await vault.reveal(merchant, mine)


async def test_fingerprints_match_within_a_mode_only(store, keyring, envelope, new_merchant):
    vault = Vault(store, keyring, envelope, {}, today=lambda: TODAY)
    one, other = new_merchant(), new_merchant()
    first = await vault.tokenize(one, card(), livemode=True)
    again = await vault.tokenize(other, card(number="4242-4242-4242-4242", exp_year=2031), livemode=True)
    test = await vault.tokenize(one, card(), livemode=False)
    another = await vault.tokenize(one, card(number=DECLINED), livemode=True)
    assert first.card.fingerprint == again.card.fingerprint
    assert len({first.card.fingerprint, test.card.fingerprint, another.card.fingerprint}) == 3


async def test_test_cards_carry_their_scenario(vault, merchant):
    for number, scenario in ((VISA, None), (DECLINED, "insufficient_funds"), (AMEX, None)):
        method_id = await tokenized(vault, merchant, number=number, cvc="1234" if number == AMEX else "123")
        assert (await vault.card_of(merchant, method_id, livemode=False)).test_scenario == scenario


@pytest.mark.parametrize("number", [VISA, DECLINED, "4242-4242 42424242"])
async def test_test_cards_are_refused_in_live_mode(vault, merchant, number):
    with pytest.raises(Problem, match="test card in live mode") as caught:
        await vault.tokenize(merchant, card(number=number), livemode=True)
    assert [error.pointer for error in caught.value.errors] == ["/number"]


async def test_an_expired_card_is_refused_and_nothing_written(vault, merchant, owner_database_url):
    before = len(stored(owner_database_url, "payment_methods")), len(stored(owner_database_url, "cards"))
    with pytest.raises(Problem) as caught:
        await vault.tokenize(merchant, card(exp_month=5, exp_year=2030), livemode=False)
    assert [error.pointer for error in caught.value.errors] == ["/exp_month"]
    assert before == (len(stored(owner_database_url, "payment_methods")), len(stored(owner_database_url, "cards")))


async def test_neither_number_nor_cvc_is_stored(vault, merchant, owner_database_url):
    method_id = await tokenized(vault, merchant, number="4556737586899855", cvc="987")
    rows = stored(owner_database_url, "payment_methods") + stored(owner_database_url, "cards")
    mine = [row for row in rows if method_id in row.values()]
    assert len(mine) == 2
    for value in (value for row in mine for value in row.values()):
        raw = value if isinstance(value, bytes) else str(value).encode()
        assert b"4556737586899855" not in raw
        assert raw != b"987"


async def test_other_merchants_and_the_other_mode_see_nothing(vault, merchant, new_merchant):
    method_id = await tokenized(vault, merchant)
    for whom, livemode in ((new_merchant(), False), (merchant, True)):
        await missing(vault.get(whom, method_id, livemode=livemode))
        await missing(vault.card_of(whom, method_id, livemode=livemode))
        await missing(vault.delete(whom, method_id, livemode=livemode))
        assert await vault.list(whom, FIRST_PAGE, livemode=livemode) == []
    assert (await vault.card_of(merchant, method_id, livemode=False)).id == method_id


async def test_deletion_destroys_the_ciphertext_and_forgets_the_name(vault, merchant, owner_database_url):
    method_id = await tokenized(vault, merchant)
    await vault.card_of(merchant, method_id, livemode=False)
    await vault.delete(merchant, method_id, livemode=False)

    assert method_id not in [row["payment_method_id"] for row in stored(owner_database_url, "cards")]
    (kept,) = [row for row in stored(owner_database_url, "payment_methods") if row["id"] == method_id]
    assert kept["deleted_at"] is not None
    assert kept["cardholder_name"] is None
    for gone in (
        vault.get(merchant, method_id, livemode=False),
        vault.card_of(merchant, method_id, livemode=False),
        vault.reveal(merchant, method_id),
        vault.delete(merchant, method_id, livemode=False),
    ):
        await missing(gone)
    assert await vault.list(merchant, FIRST_PAGE, livemode=False) == []


async def test_lists_are_newest_first_and_page_both_ways(vault, merchant):
    ids = [await tokenized(vault, merchant) for _ in range(5)][::-1]

    async def listed(*place):
        return [uuid_of("pm", method.id) for method in await vault.list(merchant, Cursor(*place), livemode=False)]

    assert await listed(10, None, None) == ids
    assert await listed(2, None, None) == ids[:3]  # one more tells that there are more
    assert await listed(2, ids[2], None) == ids[3:]
    assert await listed(2, None, ids[4]) == ids[1:4]
    assert await listed(10, None, ids[1]) == ids[:1]


async def test_a_card_is_looked_up_once(vault, merchant, statements):
    method_id = await tokenized(vault, merchant)
    statements.clear()
    tokens = [await vault.card_of(merchant, method_id, livemode=False) for _ in range(3)]
    assert len(statements) == 1
    assert tokens[0] is tokens[2]
    assert (tokens[0].brand, tokens[0].bin, tokens[0].last4) == ("visa", "424242", "4242")


async def test_concurrent_look_ups_share_statements(vault, merchant, statements):
    ids = [await tokenized(vault, merchant) for _ in range(20)]
    statements.clear()
    tokens = await asyncio.gather(*(vault.card_of(merchant, one, livemode=False) for one in ids * 3))
    assert [token.id for token in tokens] == ids * 3
    assert len(statements) <= 3


async def test_what_is_not_there_is_not_remembered(vault, merchant, statements, owner_database_url):
    method_id = await tokenized(vault, merchant)
    rename = "UPDATE vault.payment_methods SET deleted_at = %s WHERE id = %s"
    with psycopg.connect(owner_database_url, autocommit=True) as connection:
        connection.execute(rename, ["2030-01-01", method_id])
        await missing(vault.card_of(merchant, method_id, livemode=False))
        connection.execute(rename, [None, method_id])
    assert (await vault.card_of(merchant, method_id, livemode=False)).id == method_id


async def test_one_unknown_card_does_not_fail_its_neighbours(vault, merchant):
    method_id = await tokenized(vault, merchant)
    found = asyncio.create_task(vault.card_of(merchant, method_id, livemode=False))
    await missing(vault.card_of(merchant, new_uuid(), livemode=False))
    assert (await found).id == method_id


class NoKeys:
    """A keeper of keys that cannot be reached."""

    async def key_ids(self):
        return ()

    async def active_key_id(self):
        raise KeysUnavailableError("no answer")

    async def generate_data_key(self, owner):
        raise KeysUnavailableError("no answer")

    async def unwrap(self, key_id, wrapped, owner):
        raise KeysUnavailableError("no answer")


async def test_without_keys_the_vault_says_so_and_may_be_tried_again(vault, store, keyring, merchant):
    method_id = await tokenized(vault, merchant)
    locked = Vault(store, keyring, Envelope(NoKeys()), TEST_CARDS, today=lambda: TODAY)
    for call in (locked.tokenize(merchant, card(), livemode=False), locked.reveal(merchant, method_id)):
        with pytest.raises(Problem) as caught:
            await call
        assert (caught.value.status, caught.value.retryable, caught.value.effect) == (503, True, "none")
    assert (await locked.card_of(merchant, method_id, livemode=False)).id == method_id
