"""Exchange rates with history, quotes, and payments that settle in another currency than they were made in."""
