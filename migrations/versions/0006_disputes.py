"""Disputes, and the sandbox acquirer's books of them."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of the SQL files beside this one, in order."""
    # The driver's own connection: several statements at once, and no reading of % or : as parameters.
    driver = op.get_bind().connection.driver_connection
    for name in ("disputes", "sandbox", "grants"):
        driver.execute(Path(__file__).with_name("0006_disputes").joinpath(f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
