"""The payment lifecycle: authorize, capture, void, refund."""
