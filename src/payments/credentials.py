"""Where a new database connection gets its user and password.

Two users alternate. A rotation gives the one that is not in use a new password and makes it the current one; the other
stays valid until the rotation after. So nothing has to happen at once: connections that exist go on, the next one that
is opened reads what is current, and none lives long enough to see two rotations.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from psycopg.conninfo import make_conninfo

# Asked once for each new connection. Lambda has one that asks Secrets Manager instead of a file.
ConnectionInfo: TypeAlias = Callable[[], str]

# Far below the days between two rotations.
CONNECTION_SECONDS = 1_800


def connection_info(url: str, credentials_file: Path | None = None) -> ConnectionInfo:
    """Return what a connection needs: the URL alone, or with user and password of a file as they are by then.

    The file is JSON with `username` and `password`, as Secrets Manager keeps them.
    """
    if credentials_file is None:
        return lambda: url

    def current() -> str:
        found = json.loads(credentials_file.read_bytes())
        return make_conninfo(url, user=found["username"], password=found["password"])

    return current
