"""Which acquirers take a merchant's payments, and in which order."""
