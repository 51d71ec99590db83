"""The gateway: the one public door, in front of the payments service."""
