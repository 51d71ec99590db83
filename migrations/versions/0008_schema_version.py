"""The application may see which schema it has."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Grant it."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_name("0008_schema_version").joinpath("grants.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
