"""Whose events: the gateway and the API key that were given, or those of the platform that runs here."""

from typing import NamedTuple

from payments.devtools import state as states
from payments.devtools.errors import ToolError
from payments.devtools.workspace import Workspace


class Target(NamedTuple):
    """Where to ask, and as whom."""

    gateway_url: str
    api_key: str


def find(gateway_url: str | None, api_key: str | None) -> Target:
    """Return the target.

    Raises:
        ToolError: something is not given, and nothing runs here.

    """
    if gateway_url and api_key:
        return Target(gateway_url, api_key)
    local = states.read(Workspace.of_project())
    if local is None:
        raise ToolError("give --gateway and --api-key, or start the local platform: make dev")
    return Target(gateway_url or local.gateway_url, api_key or local.api_key)
