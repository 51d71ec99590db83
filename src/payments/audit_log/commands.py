"""``payments audit …``: prove that nobody touched the audit log."""

import asyncio
from typing import Annotated

import typer

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools.errors import ToolError

app = typer.Typer(name="audit", help="The audit log.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep `verify` a command of its own."""


@app.command()
def verify(
    database_url: Annotated[
        str | None, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role.")
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="A hash that an earlier run printed: it has to be in the chain still.")
    ] = None,
) -> None:
    """Follow the chain of hashes from the first entry to the last; exit code 1 if it is broken.

    Keep the last hash somewhere else: whoever can rewrite the whole log could make a new chain, but not one with it.
    """
    from payments.devtools import state as states  # noqa: PLC0415
    from payments.devtools.workspace import Workspace  # noqa: PLC0415

    if database_url is None:
        local = states.read(Workspace.of_project())
        if local is None:
            raise ToolError("set PAYMENTS_DATABASE_URL, or start the local platform: make dev")
        database_url = local.database_url
    entries, last, fault = asyncio.run(_verify(database_url, head))
    if fault is not None:
        typer.secho(f"The audit log is broken. {fault}", err=True, fg="red")
        raise typer.Exit(1)
    typer.echo(f"{entries} entries, unbroken. The last hash is {last or 'none yet'}.")


async def _verify(url: str, head: str | None) -> tuple[int, str, str | None]:
    from payments.audit_log.service import Audit  # noqa: PLC0415
    from payments.database import Database  # noqa: PLC0415

    database = Database(url)
    try:
        found = await Audit(database).verify(head)
    finally:
        await database.dispose()
    return found.entries, found.head, found.fault
