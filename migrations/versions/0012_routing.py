"""Which acquirers take the payments of a merchant."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0012_routing").joinpath("routes.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
