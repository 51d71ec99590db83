"""Settings of commands, whose mistakes are told in one line."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from payments.devtools.errors import ToolError

S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S]) -> S:
    """Return the settings.

    Raises:
        ToolError: some are missing or wrong; the message names them as the environment does.
    """
    try:
        return settings()
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        wrong = [f"{prefix}{'.'.join(map(str, one['loc']))}".upper() + f": {one['msg']}" for one in error.errors()]
        raise ToolError("; ".join(wrong)) from None
