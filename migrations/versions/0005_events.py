"""The sequence of events: each merchant's own numbers, given after commit."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the sequence, from the SQL files beside this one."""
    driver = op.get_bind().connection.driver_connection
    for name in ("events", "grants"):
        driver.execute(Path(__file__).with_name("0005_events").joinpath(f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
