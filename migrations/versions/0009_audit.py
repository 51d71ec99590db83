"""The audit log, pauses, and rate limits of merchants."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them, from the SQL files beside this one."""
    driver = op.get_bind().connection.driver_connection
    for name in ("log", "controls", "watched", "grants"):
        driver.execute(Path(__file__).with_name("0009_audit").joinpath(f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
