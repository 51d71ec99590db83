"""Tables of routing."""

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Table, Text, Uuid, func

from payments.database import metadata

acquirer_routes = Table(
    "acquirer_routes",
    metadata,
    Column("merchant_id", Uuid, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("acquirers", ARRAY(Text), nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema="payments",
)
