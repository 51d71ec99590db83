"""The table of the audit log; its functions, triggers and indexes are in the migrations."""

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, Table, Text

from payments.database import metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    schema="payments",
)
