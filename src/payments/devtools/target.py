"""Which database a command works on: the one of its settings, or of the platform that runs in this working copy."""

from payments.devtools.errors import ToolError


def database_url(given: str | None) -> str:
    """Return the URL of the application's role.

    Raises:
        ToolError: nothing is set, and nothing runs here.
    """
    if given is not None:
        return given
    # Only now: `payments --help` imports the commands, and answers at once.
    from payments.devtools import state as states  # noqa: PLC0415
    from payments.devtools.workspace import Workspace  # noqa: PLC0415

    local = states.read(Workspace.of_project())
    if local is None:
        raise ToolError("set PAYMENTS_DATABASE_URL, or start the local platform: make dev")
    return local.database_url
