"""Tables of merchant risk; checks and indexes are in the migrations."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, Table, Text, Uuid

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
