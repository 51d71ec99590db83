"""Fraud: rules, lists, reports, and the indexes that find payments by card, IP and device."""

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).with_name("0003_fraud")
_INSERT = sa.text(
    "INSERT INTO payments.fraud_rules (id, name, condition, score, priority, updated_by) "
    "VALUES (:id, :name, :condition, :score, :priority, 'migration')"
)


def upgrade() -> None:
    """Add the tables of the SQL files beside this one, in order, and the rules to start with."""
    # The driver's own connection: several statements at once, and no reading of % or : as parameters.
    driver = op.get_bind().connection.driver_connection
    for name in ("indexes", "rules", "lists", "grants"):
        driver.execute((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    rules = json.loads((_FOLDER / "default_rules.json").read_text(encoding="utf-8"))
    op.get_bind().execute(_INSERT, [rule | {"id": uuid7()} for rule in rules])
    op.execute("SELECT payments.publish_fraud_rules('migration')")


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
