"""The database itself keeps the ledger balanced and append-only, whoever writes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from shared.ids import new_uuid
from tests.conftest import Database
from tests.ledger.books import POSTINGS, Books, Line, columns

LEDGER = ("postings", "ledger_transactions")


@pytest.fixture
def app(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application's role; what a test writes is rolled back."""
    with psycopg.connect(database.url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.owner_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def books(app: psycopg.Connection[Any]) -> Books:
    return Books(app)


@pytest.fixture
def posted(database: Database) -> None:
    """Make sure that the ledger holds something."""
    with psycopg.connect(database.url) as connection:
        books = Books(connection)
        books.post(Line(books.account(), 5), Line(books.account("refunds"), -5))


def partition_of(connection: psycopg.Connection[Any], table: str) -> str:
    """The partition of this month."""
    row = connection.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')").fetchone()
    assert row is not None
    return f"{table}_{row[0]}"


def test_a_balanced_transaction_is_written(books: Books):
    debit, credit = books.account(), books.account("refunds")
    books.post(Line(debit, 70), Line(debit, 30), Line(credit, -100))
    dollars = books.account("suspense", "USD"), books.account("refunds", "USD")
    books.post(Line(debit, 1), Line(credit, -1), Line(dollars[0], -9, "USD"), Line(dollars[1], 9, "USD"))


def test_an_unbalanced_transaction_is_refused(books: Books, subtests: pytest.Subtests):
    one, two = books.account(), books.account("refunds")
    dollars = books.account("suspense", "USD")
    for what, lines in {
        "a single line": [Line(one, 1)],
        "one unit off": [Line(one, 100), Line(two, -99)],
        "two debits": [Line(one, 1), Line(two, 1)],
        "balanced over two currencies only": [Line(one, 1), Line(dollars, -1, "USD")],
        "beyond 64 bits": [Line(one, 2**63 - 1), Line(two, 2**63 - 1), Line(one, 2)],
    }.items():
        with subtests.test(what), pytest.raises(errors.CheckViolation) as caught, books.connection.transaction():
            books.post(*lines)
        assert caught.value.diag.constraint_name == "postings_balanced"


def test_transactions_do_not_balance_each_other(books: Books):
    one, two = books.begin(), books.begin()
    account = books.account()
    arrays = [a + b for a, b in zip(columns(one, [Line(account, 5)]), columns(two, [Line(account, -5)]), strict=True)]
    with pytest.raises(errors.CheckViolation, match=r"out of balance by -?5 EUR"):
        books.connection.execute(POSTINGS, arrays)


def test_a_transaction_is_balanced_by_each_statement_that_adds_to_it(books: Books):
    debit, credit = books.account(), books.account("refunds")
    transaction = books.post(Line(debit, 5), Line(credit, -5))
    with pytest.raises(errors.CheckViolation, match="out of balance"):
        books.connection.execute(POSTINGS, columns(transaction, [Line(debit, 1)], first=2))


def test_a_posting_says_something(books: Books):
    with pytest.raises(errors.CheckViolation, match="amount"):
        books.post(Line(books.account(), 0), Line(books.account("refunds"), 0))


def test_a_posting_fits_its_account_and_its_transaction(books: Books, subtests: pytest.Subtests):
    euro, dollars = books.account(), books.account(currency="USD")
    live = books.account(livemode=True)
    for what, account, currency, livemode in (
        ("an account of another currency", dollars, "EUR", False),
        ("a posting of another currency", euro, "USD", False),
        ("a live account in a test transaction", live, "EUR", False),
        ("a test account in a live transaction", euro, "EUR", True),
        ("no account", 2**62, "EUR", False),
    ):
        with subtests.test(what), pytest.raises(errors.CheckViolation) as caught, books.connection.transaction():
            books.post(Line(account, 1, currency), Line(account, -1, currency), livemode=livemode)
        assert caught.value.diag.constraint_name == "postings_fit_account"
    with subtests.test("no transaction"), pytest.raises(errors.CheckViolation, match="does not fit account"):
        books.connection.execute(POSTINGS, columns(new_uuid(), [Line(euro, 1), Line(euro, -1)]))


amounts = st.integers(-(10**12), 10**12).filter(bool)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(st.tuples(amounts, st.sampled_from(("EUR", "USD"))), min_size=1, max_size=6), close=st.booleans())
def test_what_is_written_balances_in_every_currency(app, lines, close):
    books = Books(app)
    accounts = {currency: books.account(currency=currency) for currency in ("EUR", "USD")}
    wanted = [Line(accounts[currency], amount, currency) for amount, currency in lines]
    left = {currency: sum(line.amount for line in wanted if line.currency == currency) for currency in accounts}
    if close:
        wanted += [Line(accounts[currency], -rest, currency) for currency, rest in left.items() if rest]
    balanced = close or not any(left.values())
    try:
        with app.transaction():
            books.post(*wanted)
        written = True
    except errors.CheckViolation:
        written = False
    assert written == balanced


@pytest.mark.parametrize("table", LEDGER)
def test_the_application_cannot_change_or_remove_what_is_written(app, posted, table, subtests: pytest.Subtests):
    column = {"postings": "amount", "ledger_transactions": "kind"}[table]
    for name in (table, partition_of(app, table)):
        for statement in (
            f"UPDATE payments.{name} SET {column} = {column}",  # noqa: S608 - names of ours
            f"DELETE FROM payments.{name}",  # noqa: S608
            f"TRUNCATE payments.{name}",
            f"TRUNCATE payments.{name} CASCADE",
            f"ALTER TABLE payments.{name} DISABLE TRIGGER ALL",
            f"DROP TABLE payments.{name}",
        ):
            with subtests.test(statement), pytest.raises(errors.InsufficientPrivilege), app.transaction():
                app.execute(statement.encode())


@pytest.mark.parametrize("table", LEDGER)
def test_not_even_the_owner_can_change_or_remove_what_is_written(owner, posted, table, subtests: pytest.Subtests):
    column = {"postings": "amount", "ledger_transactions": "kind"}[table]
    for name in (table, partition_of(owner, table)):
        for statement in (
            f"UPDATE payments.{name} SET {column} = {column}",  # noqa: S608 - names of ours
            f"DELETE FROM payments.{name}",  # noqa: S608
            f"TRUNCATE payments.{name}",
            f"TRUNCATE payments.{name} CASCADE",
        ):
            with subtests.test(statement), pytest.raises(errors.RestrictViolation), owner.transaction():
                owner.execute(statement.encode())


def test_rows_enter_through_the_checks_and_not_into_a_partition(books: Books):
    account, transaction = books.account(), books.begin()
    postings = POSTINGS.replace("payments.postings", f"payments.{partition_of(books.connection, 'postings')}")
    with pytest.raises(errors.InsufficientPrivilege), books.connection.transaction():
        books.connection.execute(postings.encode(), columns(transaction, [Line(account, 5)]))
    for table in ("payments", "operations", "events", "ledger_transactions"):
        direct = f"INSERT INTO payments.{partition_of(books.connection, table)} DEFAULT VALUES"
        with pytest.raises(errors.InsufficientPrivilege), books.connection.transaction():
            books.connection.execute(direct.encode())


def test_accounts_and_balances_cannot_be_removed(app, subtests: pytest.Subtests):
    for statement in (
        "UPDATE payments.ledger_accounts SET kind = kind",
        "DELETE FROM payments.ledger_accounts",
        "TRUNCATE payments.ledger_accounts CASCADE",
        "DELETE FROM payments.ledger_balances",
        "TRUNCATE payments.ledger_balances",
        "DELETE FROM payments.ledger_watermark",
    ):
        with subtests.test(statement), pytest.raises(errors.InsufficientPrivilege), app.transaction():
            app.execute(statement.encode())


def test_the_applications_role_owns_nothing_and_cannot_become_more(app):
    owned = app.execute(
        "SELECT classid::regclass, objid FROM pg_shdepend "
        "WHERE refobjid = 'payments_app'::regrole AND deptype = 'o' AND refclassid = 'pg_authid'::regclass"
    ).fetchall()
    assert owned == []
    powers = app.execute(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
        "FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert powers == (False,)
    assert app.execute("SELECT pg_has_role('payments_app', 'payments_owner', 'MEMBER')").fetchone() == (False,)
    for statement in (
        "SET ROLE payments_owner",
        "SET session_replication_role = replica",
        "CREATE TABLE payments.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE OR REPLACE FUNCTION payments.check_postings() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    ):
        with pytest.raises(errors.InsufficientPrivilege), app.transaction():
            app.execute(statement)


def test_a_shadow_table_does_not_fool_the_checks(books: Books):
    books.connection.execute(
        "CREATE TEMP TABLE ledger_accounts AS SELECT 1::bigint AS id, 'EUR' AS currency, false AS livemode"
    )
    with pytest.raises(errors.CheckViolation, match="does not fit account"):
        books.post(Line(1 - 2**40, 1), Line(1 - 2**40, -1))
