"""``payments vault …``: for operations, while the service runs.

Without settings in the environment, the commands look after the platform that ``make dev`` runs in this working copy.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools.errors import ToolError
from shared.ids import show

if TYPE_CHECKING:
    from payments.vault.rotation import KeyUse, Progress, Rotation

app = typer.Typer(name="vault", help="Keys of the card vault.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Target:
    database_url: str
    key_file: Path | None
    kms_key_id: str | None


@app.callback()
def choose(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(envvar="PAYMENTS_VAULT_KEY_FILE", help="Keys in a file.")] = None,
    kms_key_id: Annotated[str | None, typer.Option(envvar="PAYMENTS_VAULT_KMS_KEY_ID", help="Keys in AWS KMS.")] = None,
) -> None:
    """Keys of the card vault. Without settings: those of the platform that `make dev` runs here."""
    if database_url is not None:
        context.obj = _Target(database_url, key_file, kms_key_id)
        return
    from payments.devtools import state as states  # noqa: PLC0415
    from payments.devtools.workspace import Workspace  # noqa: PLC0415

    workspace = Workspace.of_project()
    local = states.read(workspace)
    if local is None:
        raise ToolError("set PAYMENTS_DATABASE_URL and the vault's keys, or start the local platform: make dev")
    context.obj = _Target(local.database_url, workspace.keys / "vault.json", None)


@app.command()
def status(context: typer.Context) -> None:
    """Show which key is active and how many cards each key encrypts."""
    _show(asyncio.run(_key_use(context.obj)))


@app.command()
def reencrypt(
    context: typer.Context,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Cards that are committed together.")] = 200,
) -> None:
    """Re-encrypt every card that is not under the active key. Interrupt it whenever you like, and run it again."""
    console = Console()
    with console.status("re-encrypting") as line:
        run = _reencrypt(context.obj, batch, lambda so_far: line.update(f"re-encrypting: {so_far.moved} done"))
        progress, use = asyncio.run(run)
    console.print(f"{progress.moved} re-encrypted, {progress.skipped} deleted or done by somebody else meanwhile")
    _show(use)
    if progress.broken:
        names = ", ".join(show("pm", payment_method_id) for payment_method_id in progress.broken)
        raise ToolError(f"these cards do not open, whatever key is used, and were left as they are: {names}")


async def _key_use(target: _Target) -> "KeyUse":
    async with _rotation(target) as rotation:
        return await rotation.key_use()


async def _reencrypt(target: _Target, batch: int, report: "Callable[[Progress], None]") -> "tuple[Progress, KeyUse]":
    async with _rotation(target) as rotation:
        return await rotation.reencrypt(batch, report), await rotation.key_use()


@asynccontextmanager
async def _rotation(target: _Target) -> AsyncIterator["Rotation"]:
    from payments.database import Database  # noqa: PLC0415
    from payments.vault.envelope import Envelope, KeysUnavailableError  # noqa: PLC0415
    from payments.vault.keys import key_provider  # noqa: PLC0415
    from payments.vault.rotation import Rotation  # noqa: PLC0415

    try:
        keys = key_provider(target.key_file, target.kms_key_id)
    except (OSError, ValueError) as error:
        raise ToolError(str(error)) from error
    database = Database(target.database_url)
    try:
        yield Rotation(database, Envelope(keys))
    except KeysUnavailableError as error:
        raise ToolError(f"{error}; what was committed stays, run it again") from error
    finally:
        await database.dispose()


def _show(use: "KeyUse") -> None:
    table = Table("key", "cards", "")
    for key_id, count in {use.active: 0, **use.cards}.items():
        table.add_row(key_id, str(count), "active" if key_id == use.active else "re-encrypt, then remove")
    Console().print(table)
