"""What a merchant was owed when a period began, everything that changed it, and what it was owed at the end."""
