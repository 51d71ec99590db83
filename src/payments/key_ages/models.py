"""The table of key ages; its rules and grants are in the migrations."""

from sqlalchemy import Column, DateTime, Table, Text, func

from payments.database import metadata

keys_seen = Table(
    "keys_seen",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("first_seen", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema="payments",
)
