"""Tables of exchange rates and quotes; rules and grants are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Numeric, String, Table, Text, Uuid

from payments.database import metadata

rates = Table(
    "fx_rates",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("base", String(3), nullable=False),
    Column("quote", String(3), nullable=False),
    Column("rate", Numeric, nullable=False),
    Column("effective_at", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    schema="payments",
)

quotes = Table(
    "fx_quotes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("from_currency", String(3), nullable=False),
    Column("to_currency", String(3), nullable=False),
    Column("rate_mid", Numeric, nullable=False),
    Column("spread_basis_points", Integer, nullable=False),
    Column("rate_source", Text, nullable=False),
    Column("rate_effective_at", DateTime(timezone=True), nullable=False),
    Column("amount", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("consumed_by", Uuid),
    Column("consumed_at", DateTime(timezone=True)),
    schema="payments",
)
