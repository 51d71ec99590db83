"""Idempotency of changes that are one ordinary commit; payments have their own, in their write path."""
