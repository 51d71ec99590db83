"""Merchants, keys, vault, payments, operations, ledger, idempotency, events."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first schema from the SQL files beside this one, in order."""
    # The driver's own connection: several statements at once, and no reading of % or : as parameters.
    driver = op.get_bind().connection.driver_connection
    for name in ("merchants", "vault", "payments", "ledger", "risk", "partitions", "grants"):
        driver.execute(Path(__file__).with_name("0001_core").joinpath(f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
