"""When each key was seen first."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0017_keys_seen").joinpath("keys_seen.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
