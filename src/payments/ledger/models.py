"""Tables of the ledger; rules and partitions are in the migrations."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Numeric, SmallInteger, String, Table, Text, Uuid

from payments.database import metadata

accounts = Table(
    "ledger_accounts",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

transactions = Table(
    "ledger_transactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payment_id", Uuid),
    Column("operation", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="payments",
)

postings = Table(
    "postings",
    metadata,
    Column("transaction_id", Uuid, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("xact", BigInteger, nullable=False),
    schema="payments",
)

balances = Table(
    "ledger_balances",
    metadata,
    Column("account_id", BigInteger, primary_key=True),
    Column("amount", Numeric(38, 0), nullable=False),
    schema="payments",
)

watermark = Table(
    "ledger_watermark",
    metadata,
    Column("singleton", Boolean, primary_key=True),
    Column("xact", BigInteger, nullable=False),
    schema="payments",
)
