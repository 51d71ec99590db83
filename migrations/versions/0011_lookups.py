"""When to ask an acquirer again about what is unknown."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0011_lookups").joinpath("lookups.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
