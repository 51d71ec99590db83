"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand the schema; a release before this one keeps working on it."""
    ${upgrades if upgrades else "op.execute('')"}


def downgrade() -> None:
    """Go back only by restoring: migrations expand and never take away."""
