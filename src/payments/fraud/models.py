"""Tables of fraud, and the columns of payments that it reads; checks and indexes are in the migrations."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, SmallInteger, String, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from payments.database import metadata

state = Table(
    "fraud_state",
    metadata,
    Column("singleton", Boolean, primary_key=True),
    Column("rules_version", BigInteger, nullable=False),
    Column("lists_version", BigInteger, nullable=False),
    Column("hits_counted", Uuid, nullable=False),
    schema="payments",
)

rules = Table(
    "fraud_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("score", SmallInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("updated_by", Text, nullable=False),
    schema="payments",
)

rule_sets = Table(
    "fraud_rule_sets",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("rules", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    schema="payments",
)

rule_hits = Table(
    "fraud_rule_hits",
    metadata,
    Column("rule_id", Uuid, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("confirmed", BigInteger, nullable=False),
    schema="payments",
)

list_entries = Table(
    "fraud_list_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_id", Uuid),
    Column("list", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    schema="payments",
)

reports = Table(
    "fraud_reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("comment", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

# Not on the metadata: these two belong to other features.
payments = sa.table(
    "payments",
    sa.column("id", Uuid),
    sa.column("merchant_id", Uuid),
    sa.column("livemode", Boolean),
    sa.column("status", Text),
    sa.column("amount", BigInteger),
    sa.column("currency", String),
    sa.column("capture_method", Text),
    sa.column("card", JSONB),
    sa.column("card_fingerprint", Text),
    sa.column("card_bin", Text),
    sa.column("card_country", String),
    sa.column("customer_ip", Text),
    sa.column("ip_country", String),
    sa.column("device_id", Text),
    sa.column("idempotency_key", Text),
    sa.column("score", SmallInteger),
    sa.column("receipt", JSONB),
    sa.column("review_expires_at", DateTime(timezone=True)),
    sa.column("created_at", DateTime(timezone=True)),
    schema="payments",
)

merchants = sa.table(
    "merchants",
    sa.column("id", Uuid),
    sa.column("country", String),
    sa.column("category_code", String),
    sa.column("settlement_currency", String),
    sa.column("risk_level", Text),
    sa.column("time_zone", Text),
    sa.column("fallback_policy", Text),
    schema="payments",
)
