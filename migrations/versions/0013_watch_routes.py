"""Changes of acquirer routes go into the audit log."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the table under watch, from the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0013_watch_routes").joinpath("watched.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
