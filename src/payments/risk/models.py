"""Tables of merchant risk; checks and indexes are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from payments.database import metadata

risk_limits = Table(
    "risk_limits",
    metadata,
    Column("merchant_id", Uuid, primary_key=True),
    Column("single_amount", BigInteger),
    Column("daily_volume", BigInteger),
    Column("monthly_volume", BigInteger),
    Column("daily_count", Integer),
    Column("refund_ratio_basis_points", Integer),
    Column("alert_percent", Integer, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

merchant_days = Table(
    "merchant_days",
    metadata,
    Column("merchant_id", Uuid, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("volume", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("approved", Integer, nullable=False),
    Column("declined", Integer, nullable=False),
    Column("limited", Integer, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("largest", BigInteger, nullable=False),
    Column("scored", Integer, nullable=False),
    Column("score_sum", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

risk_alerts = Table(
    "risk_alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("severity", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_by", Text),
    Column("resolution", Text),
    schema="payments",
)
