"""``payments reconcile FILE``, and ``payments sandbox …`` for something to reconcile and to dispute.

Without settings in the environment, the commands work on the platform that ``make dev`` runs in this working copy.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools import target
from payments.devtools.errors import ToolError

if TYPE_CHECKING:
    from payments.database import Database
    from payments.reconciliation.settlement_file import SettlementFile, SettlementLine

T = TypeVar("T")
DatabaseUrl = Annotated[str | None, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role.")]

sandbox = typer.Typer(name="sandbox", help="The sandbox acquirer, test mode only.", no_args_is_help=True)


def reconcile_file(
    file: Annotated[Path, typer.Argument(help="The acquirer's settlement file; docs/SETTLEMENT.md has the format.")],
    database_url: DatabaseUrl = None,
) -> None:
    """Match a settlement file with the books, all or nothing; exits 1 when anything differs. Again changes nothing."""
    from payments.reconciliation.settlement_file import SettlementFileError, read

    try:
        content = read(file)
        report = asyncio.run(_reconcile(target.database_url(database_url), content))
    except SettlementFileError as error:
        raise ToolError(f"{file} was not reconciled:\n{error}") from error
    if report["repeated"]:
        typer.echo(f"reconciled before, on {report['created_at']}; nothing was changed")
    typer.echo(f"{report['acquirer']} {report['settlement_id']}: {report['id']}")
    for name in ("lines", "matched", "amount_differs", "extra", "missing", "resolved"):
        typer.echo(f"  {name}: {report[name]}")
    for currency, amount in report["net"].items():
        typer.echo(f"  net: {_money(amount, currency)}")
    for each in report["differences"]:
        where = "" if each["line"] is None else f" line {each['line']}"
        typer.echo(
            f"  {each['result']}{where}: {each['type']} {each['key']} {each['currency']}: "
            f"the acquirer says {each['amount']}, we expected {each['expected']} {each['payment'] or ''}".rstrip()
        )
    if report["differences"]:
        raise typer.Exit(1)


@sandbox.command("settle")
def write_settlement(
    file: Annotated[Path, typer.Argument(help="Where to write the file.")], database_url: DatabaseUrl = None
) -> None:
    """Write a settlement file about everything the sandbox took and gave back and has not settled yet."""
    from payments.reconciliation.settlement_file import write

    lines = asyncio.run(_with_database(target.database_url(database_url), _settle))
    if not lines:
        raise ToolError("there is nothing to settle")
    write(file, lines)
    typer.echo(f"{len(lines)} lines")


@sandbox.command("dispute")
def dispute_payment(
    payment: Annotated[str, typer.Argument(help="A captured test payment.")],
    amount: Annotated[int | None, typer.Option(min=1, help="Minor units; default: all that is captured.")] = None,
    reason: Annotated[str, typer.Option(help="What the cardholder says.")] = "general",
    database_url: DatabaseUrl = None,
) -> None:
    """Let the cardholder of a test payment dispute it, or a part of it; the worker hears of it within seconds."""
    from shared.ids import uuid_of

    try:
        payment_id = uuid_of("pay", payment)
    except ValueError as error:
        raise ToolError(str(error)) from error

    async def work(database: "Database") -> str:
        import sqlalchemy as sa

        from payments.connectors.sandbox.disputes import open_dispute

        async with database.snapshot() as connection:
            query = (
                "SELECT amount_captured, currency, (SELECT count(*) FROM sandbox.disputes d WHERE d.key = :key) AS n "
                "FROM payments.payments WHERE id = :id AND connector = 'sandbox' AND amount_captured > 0"
            )
            row = (await connection.execute(sa.text(query), {"id": payment_id, "key": payment_id.hex})).one_or_none()
        if row is None:
            raise ToolError(f"there is no captured test payment {payment}")
        return await open_dispute(
            database, payment_id.hex, amount or row.amount_captured, row.currency, reason, number=row.n + 1
        )

    typer.echo(asyncio.run(_with_database(target.database_url(database_url), work)))


async def _settle(database: "Database") -> "list[SettlementLine]":
    from payments.reconciliation.sandbox_file import settle

    async with database.snapshot() as connection:
        return await settle(connection, datetime.now(UTC))


async def _reconcile(database_url: str, file: "SettlementFile") -> dict[str, Any]:
    async def work(database: "Database") -> dict[str, Any]:
        from payments.ledger.service import Ledger
        from payments.payments.service import Evidence
        from payments.reconciliation.service import Reconciliation

        ledger = Ledger(database)
        async with Evidence.at(database_url, ledger) as evidence:
            return await Reconciliation(database, ledger, evidence).reconcile(file)

    return await _with_database(database_url, work)


async def _with_database(database_url: str, work: "Callable[[Database], Awaitable[T]]") -> T:
    import sqlalchemy as sa

    from payments.database import Database

    database = Database(database_url)
    try:
        return await work(database)
    except sa.exc.OperationalError as error:
        raise ToolError(f"the database does not answer, nothing was changed: {error.orig}") from error
    finally:
        await database.dispose()


def _money(amount: int, currency: str) -> str:
    from payments.money import display

    return display(amount, currency)
