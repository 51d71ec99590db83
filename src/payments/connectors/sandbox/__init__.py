"""The sandbox acquirer: deterministic by card number, and as unreliable as the ambiguity cards ask for."""
