"""For whoever has to know whether the books are right, and what happened to a payment. It only reads."""
