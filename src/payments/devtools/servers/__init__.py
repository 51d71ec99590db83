"""Real PostgreSQL and real Valkey from wheels, on loopback ports, each with generated passwords.

    postgres = Postgres(directory)          # initialized on first start, reused afterwards
    postgres.start()
    postgres.create_database("payments")
    postgres.url(APP, "payments")
    postgres.stop()

The wheels' own helpers are not used: as root, the one for PostgreSQL adds a system user and opens up parent folders.
"""

from payments.devtools.servers.base import Server
from payments.devtools.servers.postgres import APP, OWNER, SUPERUSER, Postgres
from payments.devtools.servers.valkey import Valkey

__all__ = ["APP", "OWNER", "SUPERUSER", "Postgres", "Server", "Valkey"]
