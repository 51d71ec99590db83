"""Bring a database up to the newest schema."""

import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from payments.credentials import ConnectionInfo, trusting
from payments.database import sqlalchemy_url
from payments.devtools.errors import ServerError

# Beside `src/` in a checkout, beside the packages themselves in a bundle.
MIGRATIONS = next(
    folder / "migrations" for folder in Path(__file__).parents if (folder / "migrations" / "env.py").is_file()
)

_WAIT_SECONDS = 300.0
_POLL_SECONDS = 1.0


def migrate(owner_url: str) -> None:
    """Apply every revision that is missing, as the role that owns the tables; safe to run on several hosts at once.

    Args:
        owner_url: a libpq URL, `postgresql://payments_owner:…`.
    """
    config = Config()
    config.set_main_option("script_location", _escaped(str(MIGRATIONS)))
    config.set_main_option("sqlalchemy.url", _escaped(sqlalchemy_url(trusting(owner_url))))
    command.upgrade(config, "head")


def wait_for_schema(info: ConnectionInfo, *, seconds: float = _WAIT_SECONDS) -> None:
    """Return as soon as somebody has brought the database to this release's schema, or to a later one.

    Later ones do: migrations only expand, so a release goes on working on the schemas of those that follow it.

    Raises:
        ServerError: nobody had within `seconds`.
    """
    wanted = newest_revision()
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = _schema(info())
        except (psycopg.Error, OSError) as error:  # not there yet, not reachable yet, no file yet
            found = f"unknown ({str(error).strip().splitlines()[0]})"
        else:
            if found >= wanted:
                return
        if time.monotonic() > deadline:
            raise ServerError(
                f"the schema is {found or 'empty'} after {seconds:.0f} s, and this release needs {wanted}"
            )
        time.sleep(_POLL_SECONDS)


def newest_revision() -> str:
    """Return the schema that this release works with."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def _schema(info: str) -> str:
    """Return the revision of a database. Revisions are numbers of one width, so their order is that of the text."""
    with psycopg.connect(info, connect_timeout=5) as connection:
        row = connection.execute("SELECT version_num FROM payments.alembic_version").fetchone()
    return str(row[0]) if row else ""


def _escaped(value: str) -> str:
    """As alembic's configuration wants it: a percent sign starts an interpolation there."""
    return value.replace("%", "%%")
