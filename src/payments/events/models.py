"""Tables of the outbox and its sequence; partitions are in the migrations."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, SmallInteger, Table, Text, Uuid

from payments.database import metadata

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("object_id", Uuid, nullable=False),
    Column("data", JSON, nullable=False),
    Column("xact", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("traceparent", Text),
    schema="payments",
)

event_streams = Table(
    "event_streams",
    metadata,
    Column("merchant_id", Uuid, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
    schema="payments",
)

event_sequence = Table(
    "event_sequence",
    metadata,
    Column("merchant_id", Uuid, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    schema="payments",
)

event_watermark = Table(
    "event_watermark",
    metadata,
    Column("singleton", Boolean, primary_key=True),
    Column("xact", BigInteger, nullable=False),
    schema="payments",
)
