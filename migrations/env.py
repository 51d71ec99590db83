"""Alembic environment: runs the migrations as the owner role, one at a time across all replicas."""

import sqlalchemy as sa
from alembic import context

# Any constant does, as long as every release uses the same one.
_MIGRATION_LOCK = 7_203_114_985


def run() -> None:
    """Apply the revisions on the connection or the URL handed over in the configuration."""
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        msg = "sqlalchemy.url is not set; use `payments migrate`"
        raise SystemExit(msg)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS payments"))
        connection.commit()
        context.configure(connection=connection, version_table_schema="payments", transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
        connection.commit()
    engine.dispose()


run()
