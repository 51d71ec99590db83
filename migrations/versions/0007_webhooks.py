"""Webhook endpoints, their secrets, deliveries and attempts."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of the SQL files beside this one, in order."""
    driver = op.get_bind().connection.driver_connection
    for name in ("webhooks", "grants"):
        driver.execute(Path(__file__).with_name("0007_webhooks").joinpath(f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
