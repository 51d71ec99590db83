"""``payments ledger verify`` and ``payments inspect``: they read, and change nothing.

Without settings in the environment, the commands look at the platform that ``make dev`` runs in this working copy.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools import target
from payments.devtools.errors import ToolError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from payments.database import Database

T = TypeVar("T")
DatabaseUrl = Annotated[
    str | None,
    typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role; a replica will do."),
]

app = typer.Typer(name="ledger", help="The books.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The books."""


@app.command("verify")
def verify_books(database_url: DatabaseUrl = None) -> None:
    """Recompute everything from postings and states; exits 1 and prints the differences if anything is not right."""
    from payments.books.verify import broken, verify  # noqa: PLC0415

    findings = asyncio.run(_read(database_url, verify))
    console = Console()
    for finding in findings:
        mark = f"[red]✗ {finding.total} differences" if finding.total else "[green]✓"
        console.print(f"{mark}[/] {finding.check.name}: {finding.check.meaning}", soft_wrap=True, highlight=False)
        if finding.total:
            _print_rows(console, finding.differences)
    if any(broken(findings)):
        raise typer.Exit(1)


def check_restored(
    database_url: Annotated[
        str, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the restored copy, as a role that may read it.")
    ],
) -> None:
    """Prove that a restored copy can be trusted: its schema, the trial balance and every check of the books."""
    from payments.books.restore_check import look  # noqa: PLC0415
    from payments.devtools.migrate import newest_revision  # noqa: PLC0415

    restored = asyncio.run(_with_database(database_url, look))
    console = Console(highlight=False)
    newest = _text(restored.newest) or "none"
    console.print(f"schema {restored.revision}, {restored.payments} payments, the newest of {newest}", soft_wrap=True)
    for each in restored.totals:
        console.print(f"{each.mode} {each.currency}: debits {each.debits}, credits {each.credits}", soft_wrap=True)
    console.print(f"{len(restored.findings)} checks of the books")
    problems = restored.problems(newest_revision())
    for problem in problems:
        console.print(f"[red]✗[/] {problem}", soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    console.print("[green]✓[/] this copy can be trusted")


def inspect_payment(
    payment: Annotated[str, typer.Argument(help="A payment's id: pay_ and 32 hexadecimal digits.")],
    database_url: DatabaseUrl = None,
) -> None:
    """Print everything that is known about a payment. No card data."""
    from payments.books.inspection import inspect  # noqa: PLC0415
    from shared.ids import uuid_of  # noqa: PLC0415

    try:
        payment_id = uuid_of("pay", payment)
    except ValueError as error:
        raise ToolError(str(error)) from error
    found = asyncio.run(_read(database_url, lambda connection: inspect(connection, payment_id)))
    if found is None:
        raise ToolError(f"there is no payment {payment}")
    console = Console()
    console.print(f"[bold]{payment}[/]")
    for name, value in found.payment.items():
        if value not in (None, 0, False):
            console.print(f"  {name}: {_text(value)}", soft_wrap=True, highlight=False)
    if found.receipt is not None:
        console.print("\n[bold]receipt of its decision[/]")
        for name, value in _said(found.receipt):
            console.print(f"  {name}: {value}", soft_wrap=True, markup=False, highlight=False)
    for section in found.sections:
        console.print(f"\n[bold]{section.title}[/]")
        _print_rows(console, section.rows)


def _said(receipt: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a receipt says, one line for each thing, without what it leaves open."""
    for name, value in receipt.items():
        if isinstance(value, dict):
            yield from _said(value, f"{prefix}{name}.")
        elif value not in (None, []):
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)


async def _read(given: str | None, work: "Callable[[AsyncConnection], Awaitable[T]]") -> T:
    async def in_snapshot(database: "Database") -> T:
        async with database.snapshot() as connection:
            return await work(connection)

    return await _with_database(target.database_url(given), in_snapshot)


async def _with_database(url: str, work: "Callable[[Database], Awaitable[T]]") -> T:
    import sqlalchemy as sa  # noqa: PLC0415

    from payments.database import Database  # noqa: PLC0415

    database = Database(url)
    try:
        return await work(database)
    except sa.exc.ProgrammingError as error:
        raise ToolError(f"this is not a database of the platform: {error.orig}") from error
    except sa.exc.OperationalError as error:
        raise ToolError(f"the database does not answer: {error.orig}") from error
    finally:
        await database.dispose()


def _print_rows(console: Console, rows: Any) -> None:  # noqa: ANN401 - rows of any table
    """Print rows as a table, without the columns that say nothing."""
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row[name]) for name in columns))
    # As wide as it needs to be: ids that are cut off cannot be copied.
    needed = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    wide = console.options.update(width=max(console.width, needed))
    for line in console.render_lines(table, wide, pad=False):
        console.print("".join(segment.text for segment in line).rstrip(), soft_wrap=True, markup=False, highlight=False)


def _text(value: Any) -> str:  # noqa: ANN401 - a cell of any table
    if value is None:
        return ""
    return value.isoformat(sep=" ", timespec="milliseconds") if isinstance(value, datetime) else str(value)
