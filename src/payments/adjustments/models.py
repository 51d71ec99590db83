"""Table of adjustments; its rules are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, String, Table, Text, Uuid, text

from payments.database import metadata

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("transaction_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    schema="payments",
)
