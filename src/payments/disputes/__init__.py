"""Disputes: cardholders' banks take money back, and merchants may prove that it is theirs."""
