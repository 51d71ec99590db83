"""Webhooks: events brought to merchants' servers, at least once, as Standard Webhooks 1.0."""
