"""The double-entry ledger: append-only, balanced per transaction and currency, enforced by the database."""
