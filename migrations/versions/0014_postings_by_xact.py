"""What follows the ledger finds what is new in it, however many accounts there are."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index, from the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0014_postings_by_xact").joinpath("index.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
