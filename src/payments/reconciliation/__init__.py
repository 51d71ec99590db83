"""Acquirers' settlement files against our own books, line by line."""
