"""``payments rates …``: exchange rates from files.

Without settings in the environment, the commands work on the platform that ``make dev`` runs in this working copy.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools import target
from payments.devtools.errors import ToolError

if TYPE_CHECKING:
    from payments.fx.schemas import NewRate

app = typer.Typer(name="rates", help="Exchange rates.", no_args_is_help=True)

# Rows that travel together; all of a file's are committed together.
_ROWS = 5_000
_BY = "payments rates import"


@app.callback()
def choose(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role.")
    ] = None,
) -> None:
    """Exchange rates. Without settings: those of the platform that `make dev` runs here."""
    context.obj = target.database_url(database_url)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="The ECB's eurofxref XML, or CSV with base,quote,rate,effective_at,source.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare, change nothing.")] = False,
) -> None:
    """Add a file of rates to the history: all of it or nothing. Importing it again changes nothing."""
    from payments.fx.rate_files import RateFileError, read_rates  # noqa: PLC0415

    try:
        rates, skipped = read_rates(file)
    except RateFileError as error:
        raise ToolError(f"{file} was not imported:\n{error}") from error
    new = asyncio.run(_import(context.obj, rates, dry_run=dry_run))
    first, last = (moment(rate.effective_at for rate in rates) for moment in (min, max))
    typer.echo(
        f"{len(rates)} rates from {first:%Y-%m-%d} to {last:%Y-%m-%d}: {'would add' if dry_run else 'added'} {new}"
    )
    if skipped:
        typer.echo(f"left out, no longer in ISO 4217: {' '.join(skipped)}")


async def _import(database_url: str, rates: "list[NewRate]", *, dry_run: bool) -> int:
    import sqlalchemy as sa  # noqa: PLC0415

    from payments.database import Database  # noqa: PLC0415
    from payments.fx import repository  # noqa: PLC0415

    chunks = [rates[start : start + _ROWS] for start in range(0, len(rates), _ROWS)]
    database = Database(database_url)
    try:
        async with database.transaction() as connection:
            if dry_run:
                return sum([await repository.count_unknown(connection, chunk) for chunk in chunks])
            return sum([await repository.record(connection, chunk, _BY) for chunk in chunks])
    except sa.exc.OperationalError as error:
        raise ToolError(f"the database does not answer, nothing was changed: {error.orig}") from error
    finally:
        await database.dispose()
