"""Table of the outbox; partitions are in the migrations."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Table, Text, Uuid

from payments.database import metadata

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("object_id", Uuid, nullable=False),
    Column("data", JSON, nullable=False),
    Column("xact", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)
