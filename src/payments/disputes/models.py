"""Table of disputes; checks and indexes are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, String, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from payments.database import metadata

disputes = Table(
    "disputes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("connector", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("amount_withheld", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("fee_currency", String(3), nullable=False),
    Column("evidence", JSONB(none_as_null=True)),
    Column("respond_by", DateTime(timezone=True)),
    Column("accepting", Boolean, nullable=False),
    Column("ask_again_at", DateTime(timezone=True)),
    Column("timeline", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)
