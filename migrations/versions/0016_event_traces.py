"""Webhooks go on with the trace of the request that caused their event."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column of the SQL file beside this one."""
    driver = op.get_bind().connection.driver_connection
    driver.execute(
        Path(__file__).with_name("0016_event_traces").joinpath("traceparent.sql").read_text(encoding="utf-8")
    )


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
