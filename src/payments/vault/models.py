"""Tables of the vault; rules and grants are in the migrations."""

from sqlalchemy import CHAR, Boolean, Column, DateTime, ForeignKey, LargeBinary, SmallInteger, Table, Text, Uuid, func

from payments.database import metadata

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", CHAR(4), nullable=False),
    Column("bin", CHAR(6), nullable=False),
    Column("exp_month", SmallInteger, nullable=False),
    Column("exp_year", SmallInteger, nullable=False),
    Column("cardholder_name", Text),
    Column("fingerprint", Text, nullable=False),
    Column("fingerprint_key_id", Text, nullable=False),
    Column("test_scenario", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(timezone=True)),
    schema="vault",
)

cards = Table(
    "cards",
    metadata,
    Column("payment_method_id", Uuid, ForeignKey(payment_methods.c.id), primary_key=True),
    Column("merchant_id", Uuid, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("encrypted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema="vault",
)
