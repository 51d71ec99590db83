"""The table of pauses; its checks are in the migrations."""

from sqlalchemy import Column, DateTime, Table, Text

from payments.database import metadata

pauses = Table(
    "pauses",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)
