"""A local OpenID provider for the console of `make dev`: whoever opens it chooses who to be, without a password.

It listens on the loopback interface only, knows one client, and lives as long as `make dev`.
"""

from payments.devtools.issuer.provider import CLIENT_ID, Provider
from payments.devtools.issuer.server import serving

__all__ = ["CLIENT_ID", "Provider", "serving"]
