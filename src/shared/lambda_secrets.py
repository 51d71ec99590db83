"""Secrets on Lambda: written to files when an environment starts, so that services find them where pods do.

``SECRET_FILES`` names each file and what is in it, where ``{secret#property}`` stands for a value in Secrets Manager:

    {"keyring.json": "{payments/staging/payments/keyring#keyring}",
     "payments_redis_url": "rediss://:{payments/staging/cache#token}@cache.example:6379/0"}
"""

import json
import os
import re
from pathlib import Path
from urllib.parse import quote

from aws_lambda_powertools.utilities.parameters import get_secret

# Memory of the execution environment; its disk is encrypted and goes with it.
FOLDER = Path("/tmp/secrets")  # noqa: S108 - the only place on Lambda where files can be written

_REFERENCE = re.compile(r"\{([^{}#]+)#([^{}#]+)\}")


def write_secret_files(folder: Path = FOLDER) -> None:
    """Write every file that the environment names, readable by this process only.

    Raises:
        LookupError: a secret lacks a property.

    """
    for name, template in json.loads(os.environ.get("SECRET_FILES", "{}")).items():
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / name
        path.touch(mode=0o600)
        # In a URL, a secret must not be able to say where the next part begins.
        value = _quoted if name.endswith("_url") else _plain
        path.write_text(_REFERENCE.sub(value, template), encoding="utf-8")


def _plain(reference: re.Match[str]) -> str:
    secret, key = reference.groups()
    found: dict[str, str] = get_secret(secret, transform="json", max_age=300)
    if key not in found:
        raise LookupError(f"the secret {secret} has no property {key}: it has not been filled yet")
    return found[key]


def _quoted(reference: re.Match[str]) -> str:
    return quote(_plain(reference), safe="")
