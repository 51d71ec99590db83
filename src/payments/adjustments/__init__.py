"""Corrections by hand: proposed by one person, approved by another, posted with a reason."""
