"""The payments service: vault, payments, ledger, and what surrounds them."""
