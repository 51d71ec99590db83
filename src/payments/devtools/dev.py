"""`payments dev`: the whole platform in the foreground, until Ctrl-C."""

from payments.devtools.banner import banner
from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.workspace import Workspace


def run(workspace: Workspace) -> None:
    """Start everything, say how to use it, and look after it until somebody asks to stop.

    Raises:
        RuntimeError: it did not start, or a part of it ended by itself; the message says which.
    """
    console = Console()
    with running_platform(workspace, console) as platform:
        console.say(banner(platform.state, platform.merchant))
        platform.supervisor.watch()
