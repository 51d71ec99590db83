-- New pods wait until the schema they need is there, as the application's role.
GRANT SELECT ON payments.alembic_version TO payments_app;
