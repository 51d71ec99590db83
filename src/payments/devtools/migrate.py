"""Bring a database up to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from payments.database import sqlalchemy_url

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def migrate(owner_url: str) -> None:
    """Apply every revision that is missing, as the role that owns the tables; safe to run on several hosts at once.

    Args:
        owner_url: a libpq URL, `postgresql://payments_owner:…`.
    """
    config = Config()
    config.set_main_option("script_location", _escaped(str(MIGRATIONS)))
    config.set_main_option("sqlalchemy.url", _escaped(sqlalchemy_url(owner_url)))
    command.upgrade(config, "head")


def _escaped(value: str) -> str:
    """As alembic's configuration wants it: a percent sign starts an interpolation there."""
    return value.replace("%", "%%")
