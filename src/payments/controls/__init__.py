"""Pauses of merchants, acquirers and modes."""
