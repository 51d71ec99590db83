"""Key rotation: while reads go on, interrupted, beside deletions, and by two at once."""

import asyncio
from uuid import UUID

import psycopg
import pytest

from payments.vault.envelope import Envelope, KeysUnavailableError, Owner, SealBrokenError
from payments.vault.rotation import Rotation
from payments.vault.service import Vault
from shared.ids import uuid_of
from shared.problems import Problem
from tests.vault.support import TODAY, VISA, card, write_keys

OLD, NEW = bytes(range(32)), bytes(32)


@pytest.fixture(autouse=True)
def empty(owner_database_url):
    """Rotation looks at all cards, so each test begins with none."""
    with psycopg.connect(owner_database_url) as connection:
        connection.execute("DELETE FROM vault.cards")


@pytest.fixture
def rotation(store, envelope) -> Rotation:
    return Rotation(store, envelope)


@pytest.fixture
async def cards(vault, merchant) -> list[UUID]:
    """Ten cards under k1."""
    return [uuid_of("pm", (await vault.tokenize(merchant, card(), livemode=False)).id) for _ in range(10)]


def rotate(key_file):
    write_keys(key_file, {"k1": OLD, "k2": NEW}, "k2")


class Steered:
    """Keys with something to happen at the n-th unwrapping."""

    def __init__(self, keys, at, action):
        self._keys, self._at, self._action, self._count = keys, at, action, 0

    async def key_ids(self):
        return ()

    async def active_key_id(self):
        return await self._keys.active_key_id()

    async def generate_data_key(self, owner):
        return await self._keys.generate_data_key(owner)

    async def unwrap(self, key_id, wrapped, owner):
        self._count += 1
        if self._count == self._at:
            await self._action(owner)
        return await self._keys.unwrap(key_id, wrapped, owner)


async def test_everything_moves_to_the_active_key(rotation, vault, merchant, cards, key_file):
    assert (await rotation.reencrypt()).moved == 0
    rotate(key_file)
    assert (await rotation.key_use()).waiting == 10
    seen = []
    progress = await rotation.reencrypt(3, lambda so_far: seen.append(so_far.moved))
    assert (progress.moved, progress.skipped, progress.broken) == (10, 0, [])
    assert seen == [3, 6, 9, 10]
    assert (await rotation.key_use()).cards == {"k2": 10}

    write_keys(key_file, {"k2": NEW}, "k2")  # the old key is not needed any more
    assert {(await vault.reveal(merchant, one)).reveal() for one in cards} == {VISA}


async def test_a_new_data_key_comes_with_it(rotation, cards, key_file, owner_database_url):
    def columns():
        with psycopg.connect(owner_database_url) as connection:
            query = "SELECT wrapped_key, nonce, ciphertext, encrypted_at FROM vault.cards ORDER BY payment_method_id"
            return connection.execute(query).fetchall()

    before = columns()
    rotate(key_file)
    await rotation.reencrypt()
    for old, new in zip(before, columns(), strict=True):
        assert all(a != b for a, b in zip(old, new, strict=True))


async def test_reads_and_writes_go_on(rotation, vault, merchant, cards, key_file):
    done = asyncio.Event()
    reads = 0

    async def read():
        nonlocal reads
        while not done.is_set():
            for one in cards:
                assert (await vault.reveal(merchant, one)).reveal() == VISA
                reads += 1
            await vault.tokenize(merchant, card(), livemode=False)

    reader = asyncio.create_task(read())
    rotate(key_file)
    await rotation.reencrypt(1)
    done.set()
    await reader
    assert reads >= len(cards)
    assert (await rotation.key_use()).waiting == 0


async def test_an_interrupted_run_is_resumed(store, envelope, cards, key_file):
    async def interrupt(_):
        raise KeysUnavailableError("no answer")

    rotate(key_file)
    with pytest.raises(KeysUnavailableError):
        await Rotation(store, Envelope(Steered(envelope.keys, 8, interrupt))).reencrypt(3)
    rotation = Rotation(store, envelope)
    assert (await rotation.key_use()).cards == {"k1": 4, "k2": 6}
    assert (await rotation.reencrypt(3)).moved == 4
    assert (await rotation.key_use()).cards == {"k2": 10}


async def test_a_card_deleted_meanwhile_does_not_come_back(store, envelope, vault, merchant, cards, key_file):
    async def delete(owner):
        await vault.delete(merchant, owner.payment_method_id, livemode=False)

    rotate(key_file)
    progress = await Rotation(store, Envelope(Steered(envelope.keys, 5, delete))).reencrypt()
    assert (progress.moved, progress.skipped) == (9, 1)
    assert (await Rotation(store, envelope).key_use()).cards == {"k2": 9}
    with pytest.raises(Problem):
        await vault.reveal(merchant, cards[4])


async def test_two_runs_at_once_do_not_harm_each_other(rotation, vault, merchant, cards, key_file):
    rotate(key_file)
    both = await asyncio.gather(rotation.reencrypt(2), rotation.reencrypt(3))
    assert sum(progress.moved for progress in both) == 10
    assert {(await vault.reveal(merchant, one)).reveal() for one in cards} == {VISA}


async def test_a_broken_record_is_reported_and_left_alone(rotation, cards, key_file, owner_database_url):
    with psycopg.connect(owner_database_url) as connection:
        spoil = "UPDATE vault.cards SET ciphertext = '\\x00' WHERE payment_method_id = %s"
        connection.execute(spoil, [cards[2]])
    rotate(key_file)
    progress = await rotation.reencrypt(1)
    assert (progress.moved, progress.broken) == (9, [cards[2]])
    assert (await rotation.key_use()).cards == {"k1": 1, "k2": 9}


async def test_another_process_with_the_old_file_reads_what_was_moved_once_it_has_the_key(
    store, keyring, cards, key_file, merchant, tmp_path, rotation
):
    # The order of a rotation: give everybody the new key, make it active, re-encrypt, take the old one away.
    from payments.vault.keys import LocalKeys

    other_file = write_keys(tmp_path / "other.json", {"k1": OLD}, "k1")
    other = Vault(store, keyring, Envelope(LocalKeys(other_file)), {}, today=lambda: TODAY)
    rotate(key_file)
    await rotation.reencrypt()
    with pytest.raises(SealBrokenError, match="k2"):
        await other.reveal(merchant, cards[0])
    write_keys(other_file, {"k1": OLD, "k2": NEW}, "k1")
    assert (await other.reveal(merchant, cards[0])).reveal() == VISA


async def test_old_records_stay_bound_to_their_owner(envelope, key_file, merchant, cards, store, rotation):
    rotate(key_file)
    await rotation.reencrypt()
    from payments.vault import repository

    async with store.transaction() as connection:
        sealed = await repository.sealed_card(connection, cards[0], merchant)
    with pytest.raises(SealBrokenError):
        await envelope.open(Owner(merchant, cards[1]), sealed)
