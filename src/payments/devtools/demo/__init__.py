"""`payments demo`: a payment's whole story, told over HTTP through the gateway, with every answer checked."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console as Terminal

from payments.devtools import state as states
from payments.devtools.client import Client, Json
from payments.devtools.console import Console
from payments.devtools.demo.chapters import CHAPTERS
from payments.devtools.demo.stage import Stage
from payments.devtools.platform import running_platform
from payments.devtools.state import State
from payments.devtools.workspace import Workspace


def run(workspace: Workspace, terminal: Terminal | None = None) -> None:
    """Play every chapter against the running platform, or against one started and stopped for the purpose.

    Raises:
        DemoError: a step did not end as the story says.
        ToolError: the platform did not start.
    """
    terminal = terminal or Terminal(highlight=False)
    with _platform(workspace, terminal) as state:
        with ExitStack() as clients:
            admin = clients.enter_context(Client(state.gateway_url, state.admin_token))

            def hire(merchant: Json) -> tuple[str, Client]:
                made = admin.post("/v1/merchants", merchant).body["id"]
                key = admin.post(f"/v1/merchants/{made}/api_keys", {"name": "demo", "livemode": False}).body
                return made, clients.enter_context(Client(state.gateway_url, key["secret"]))

            stage = Stage(terminal, admin, hire)
            for number, chapter in enumerate(CHAPTERS, start=1):
                stage.open_chapter(number, chapter.TITLE)
                chapter.play(stage)
        terminal.print(f"\n[bold green]All {stage.checks} expectations held.[/]")


@contextmanager
def _platform(workspace: Workspace, terminal: Terminal) -> Iterator[State]:
    running = states.read(workspace)
    if running:
        yield running
        return
    terminal.print("Starting the platform for this demo …")
    console = Console(quiet=True)
    try:
        with running_platform(workspace, console) as platform:
            yield platform.state
    except Exception:
        console.recall()
        raise
