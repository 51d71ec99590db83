"""The vault: the only feature that sees card numbers. ``service.Vault`` is its one door."""
