"""Bring a database up to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def migrate(owner_url: str) -> None:
    """Apply every revision that is missing, as the role that owns the tables; safe to run on several hosts at once.

    Args:
        owner_url: a libpq URL, `postgresql://payments_owner:…`.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option(
        "sqlalchemy.url", owner_url.replace("postgresql:", "postgresql+psycopg:", 1).replace("%", "%%")
    )
    command.upgrade(config, "head")
