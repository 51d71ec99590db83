"""Merchant risk: limits that hold exactly, positions, alerts."""
