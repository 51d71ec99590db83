"""Check new postings against the months they lie in."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(
        Path(__file__)
        .with_name("0018_postings_of_few_months")
        .joinpath("check_postings.sql")
        .read_text(encoding="utf-8")
    )


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
