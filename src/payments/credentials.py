"""Where a new database connection gets its user and password.

Two users alternate. A rotation gives the one that is not in use a new password and makes it the current one; the other
stays valid until the rotation after. So nothing has to happen at once: connections that exist go on, the next one that
is opened reads what is current, and none lives long enough to see two rotations.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Asked once for each new connection.
ConnectionInfo: TypeAlias = Callable[[], str]

_RDS_ROOTS = Path(__file__).parent / "certificates" / "rds-roots.pem"

# Far below the days between two rotations.
CONNECTION_SECONDS = 1_800
# Connections that are made within this time get the same answer.
_SECRET_SECONDS = 60


def trusting(url: str) -> str:
    """Return a URL that says whose certificates to trust, where it asks for a check and does not say so itself."""
    parameters = conninfo_to_dict(url)
    if parameters.get("sslmode") != "verify-full" or "sslrootcert" in parameters:
        return url
    return f"{url}&sslrootcert={quote(str(_RDS_ROOTS))}"


def connection_info(
    url: str, credentials_file: Path | None = None, credentials_secret: str | None = None
) -> ConnectionInfo:
    """Return what a connection needs: the URL alone, or with user and password as they are by then.

    These are JSON with `username` and `password`, as Secrets Manager keeps them: in a file, or in a secret there.
    """
    if credentials_file is not None:
        read = credentials_file.read_bytes
    elif credentials_secret is not None:
        read = _secret(credentials_secret)
    else:
        return lambda: trusting(url)

    def current() -> str:
        found = json.loads(read())
        return make_conninfo(trusting(url), user=found["username"], password=found["password"])

    return current


def _secret(name: str) -> Callable[[], bytes]:
    # Its import costs a tenth of a second, and only Lambda needs it.
    from aws_lambda_powertools.utilities.parameters import get_secret  # noqa: PLC0415

    return lambda: get_secret(name, max_age=_SECRET_SECONDS).encode()
