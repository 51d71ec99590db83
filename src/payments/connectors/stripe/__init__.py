"""Stripe as an acquirer: Payment Intents through the official library."""
