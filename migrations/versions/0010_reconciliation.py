"""Reconciliation with acquirers' settlement files, and adjustments by two people."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of the SQL files beside this one, in order."""
    # The driver's own connection: several statements at once, and no reading of % or : as parameters.
    driver = op.get_bind().connection.driver_connection
    for name in ("reconciliation", "adjustments", "grants"):
        driver.execute(
            Path(__file__).with_name("0010_reconciliation").joinpath(f"{name}.sql").read_text(encoding="utf-8")
        )


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
