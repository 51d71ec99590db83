"""Bring a database up to the newest schema."""

import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

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
    config.set_main_option("sqlalchemy.url", _escaped(sqlalchemy_url(owner_url)))
    command.upgrade(config, "head")


def wait_for_database(owner_url: str, *, seconds: float = _WAIT_SECONDS) -> None:
    """Return as soon as the database lets this role in.

    Raises:
        ServerError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(owner_url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise ServerError(f"the database did not answer within {seconds:.0f} s: {error}") from error
            time.sleep(_POLL_SECONDS)
        else:
            return


def _escaped(value: str) -> str:
    """As alembic's configuration wants it: a percent sign starts an interpolation there."""
    return value.replace("%", "%%")
