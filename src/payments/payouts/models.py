"""Tables of maturing and payouts; checks, indexes and partitions are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, String, Table, Text, Uuid, text

from payments.database import metadata

items = Table(
    "settlement_items",
    metadata,
    Column("transaction_id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("kind", Text, nullable=False),
    Column("payment_id", Uuid),
    Column("operation", Text),
    Column("amount", BigInteger, nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Column("available_at", DateTime(timezone=True), nullable=False),
    Column("maturity_id", Uuid),
    schema="payments",
)

maturities = Table(
    "maturities",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("items", Integer, nullable=False),
    Column("payout_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    schema="payments",
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("destination", Text),
    Column("rail", Text, nullable=False),
    Column("rail_reference", Text),
    Column("failure_code", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)
