"""Rules and lists in memory: fresh within two seconds, and still there when the database is not."""

from collections.abc import AsyncIterator

import pytest

from payments.database import Database
from payments.fraud.api_schemas import ListEntryCreate, RuleCreate, RuleUpdate
from payments.fraud.book import Book
from payments.fraud.list_keeper import ListKeeper
from payments.fraud.rulebook import Rulebook
from payments.fresh import FRESH_SECONDS
from payments.keyring import Keyring
from payments.merchants.service import Merchants
from shared.identity import Identity
from shared.ids import uuid_of
from tests.fraud.support import attempt

PERSON = Identity("ada", "person", None, False, frozenset(), frozenset(("risk",)))


class Seconds:
    now = 50.0

    def __call__(self) -> float:
        return self.now


class Elsewhere:
    """Another process, which changes rules and lists."""

    def __init__(self, database: Database) -> None:
        book = Book(database)
        self.rules = Rulebook(database, book)
        self.lists = ListKeeper(database, book, Merchants(database, Keyring("k1", {"k1": b"1" * 32})))


@pytest.fixture
async def database_of_mine(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


async def test_changes_elsewhere_are_seen_within_two_seconds(database_of_mine, seconds):
    book, elsewhere = Book(database_of_mine, clock=seconds), Elsewhere(database_of_mine)
    rules, lists = await book.current()
    made = await elsewhere.rules.create(PERSON, RuleCreate(name="new", condition="true", score=5))
    blocked = ListEntryCreate(list="block", kind="ip", value="203.0.113.7", livemode=True)
    entry = await elsewhere.lists.add(PERSON, blocked)
    seconds.now += FRESH_SECONDS - 0.1
    assert (await book.current())[0] is rules
    assert lists.match(attempt(customer_ip="203.0.113.7")) == []
    seconds.now += 0.2
    newer, lists = await book.current()
    assert newer.version == rules.version + 1
    assert [rule.name for rule in newer.rules if rule not in rules.rules] == ["new"]
    assert [match.id for match in lists.match(attempt(customer_ip="203.0.113.7"))] == [entry.id]
    await elsewhere.rules.update(PERSON, uuid_of("rule", made.id), RuleUpdate(active=False))
    await elsewhere.lists.remove(uuid_of("lst", entry.id))
    seconds.now += FRESH_SECONDS
    newest, lists = await book.current()
    assert "new" not in {rule.name for rule in newest.rules}
    assert lists.match(attempt(customer_ip="203.0.113.7")) == []


async def test_nothing_is_compiled_again_when_nothing_has_changed(database_of_mine, seconds):
    book = Book(database_of_mine, clock=seconds)
    rules, _ = await book.current()
    seconds.now += FRESH_SECONDS
    assert (await book.current())[0] is rules


async def test_what_was_known_last_stays_while_the_database_is_gone(database, seconds):
    gone = Database(database.url)
    book = Book(gone, clock=seconds)
    rules, _ = await book.current()
    await gone.dispose()
    book._database = Database("postgresql://nobody@127.0.0.1:1/none")
    seconds.now += FRESH_SECONDS
    assert (await book.current())[0] is rules
    await book._database.dispose()
