"""Tables of merchants and their API keys; checks and indexes are in the migrations."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

from payments.database import metadata

merchants = Table(
    "merchants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", String(2), nullable=False),
    Column("category_code", String(4), nullable=False),
    Column("settlement_currency", String(3), nullable=False),
    Column("fee_basis_points", Integer, nullable=False),
    Column("fee_fixed", BigInteger, nullable=False),
    Column("fee_dispute", BigInteger, nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("fx_spread_basis_points", Integer, nullable=False),
    Column("review_threshold", SmallInteger, nullable=False),
    Column("decline_threshold", SmallInteger, nullable=False),
    Column("fallback_policy", Text, nullable=False),
    Column("review_hours", Integer, nullable=False),
    Column("review_timeout_action", Text, nullable=False),
    Column("payout_delay_days", SmallInteger, nullable=False),
    Column("payout_schedule", Text, nullable=False),
    Column("payout_destination", Text),
    Column("write_limit", Text),
    Column("read_limit", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("hash_key_id", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    schema="payments",
)
