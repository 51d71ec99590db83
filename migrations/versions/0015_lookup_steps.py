"""Every look-up at an acquirer is a step of its payment's timeline."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(
        Path(__file__).with_name("0015_lookup_steps").joinpath("lookup_steps.sql").read_text(encoding="utf-8")
    )


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
