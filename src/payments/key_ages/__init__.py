"""How long the keys in use have been in use."""
