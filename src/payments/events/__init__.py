"""The outbox: every change leaves an event in its own commit."""
