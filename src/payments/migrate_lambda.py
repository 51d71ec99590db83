"""Brings the database up to date, as a Lambda function that a deployment runs before new code gets requests."""

from typing import Any

from payments.devtools.migrate import migrate
from payments.settings import OwnerSettings
from shared.lambda_secrets import write_secret_files


def handler(_event: Any, _context: Any) -> None:  # noqa: ANN401 - whatever a deployment sends, and Lambda's own class
    """Apply every revision that is missing, as the role that owns the tables."""
    write_secret_files()
    migrate(OwnerSettings().owner_database_url)
