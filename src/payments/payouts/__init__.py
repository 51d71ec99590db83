"""From captured to paid out: money matures, becomes available, and leaves for the merchant's bank."""
