"""``payments vault …``: for operations, while the service runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from payments.database import Database
from payments.settings import Settings
from payments.vault.envelope import Envelope, KeysUnavailableError
from payments.vault.keys import key_provider
from payments.vault.rotation import KeyUse, Progress, Rotation
from shared.ids import show

# Locals of a traceback could hold a card number.
app = typer.Typer(help="Keys of the card vault.", no_args_is_help=True, pretty_exceptions_show_locals=False)

_console = Console()


@app.command()
def status() -> None:
    """Show which key is active and how many cards each key encrypts."""
    _show(asyncio.run(_key_use()))


@app.command()
def reencrypt(
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="cards committed together")] = 200,
) -> None:
    """Re-encrypt every card that is not under the active key. Interrupt it whenever you like, and run it again."""
    with _console.status("re-encrypting") as line:
        progress, use = asyncio.run(_reencrypt(batch, lambda so_far: line.update(f"{so_far.moved} cards moved")))
    _console.print(f"{progress.moved} cards moved, {progress.skipped} deleted or moved by others in the meantime")
    for payment_method_id in progress.broken:
        _console.print(f"[red]does not open[/]: {show('pm', payment_method_id)}")
    _show(use)
    if use.waiting:
        raise typer.Exit(1)


async def _key_use() -> KeyUse:
    async with _rotation() as rotation:
        return await rotation.key_use()


async def _reencrypt(batch: int, report: Callable[[Progress], None]) -> tuple[Progress, KeyUse]:
    async with _rotation() as rotation:
        return await rotation.reencrypt(batch, report), await rotation.key_use()


@asynccontextmanager
async def _rotation() -> AsyncIterator[Rotation]:
    settings = Settings()
    database = Database(settings.database_url)
    try:
        yield Rotation(database, Envelope(key_provider(settings.vault_key_file, settings.vault_kms_key_id)))
    except KeysUnavailableError as error:
        raise typer.TyperException(f"{error}; what was committed stays, run it again") from error
    finally:
        await database.dispose()


def _show(use: KeyUse) -> None:
    table = Table("key", "cards", "")
    for key_id, count in {use.active: 0, **use.cards}.items():
        table.add_row(key_id, str(count), "active" if key_id == use.active else "run: payments vault reencrypt")
    _console.print(table)
