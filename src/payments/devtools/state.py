"""`.dev/state.json`: the addresses and credentials of the running platform, for scripts."""

import json
from dataclasses import asdict, dataclass, fields

from payments.devtools.servers.base import write_private
from payments.devtools.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a script needs: the first merchant settles in USD, the second in EUR; the database as payments sees it."""

    gateway_url: str
    console_url: str
    payments_url: str
    api_key: str
    merchant_id: str
    second_api_key: str
    second_merchant_id: str
    admin_token: str
    database_url: str
    redis_url: str
    gateway_metrics_url: str
    payments_metrics_url: str
    worker_metrics_url: str


def publish(workspace: Workspace, state: State) -> None:
    """Write the file in one step: readers see all of it or nothing."""
    unfinished = workspace.state.with_suffix(".new")
    write_private(unfinished, json.dumps(asdict(state), indent=2) + "\n")
    unfinished.replace(workspace.state)


def withdraw(workspace: Workspace) -> None:
    """Remove the file."""
    workspace.state.unlink(missing_ok=True)


def read(workspace: Workspace) -> State | None:
    """The state of the running platform; None when none is running, whatever a killed one left behind."""
    if not workspace.claimed():
        return None
    try:
        found = json.loads(workspace.state.read_text())
    except FileNotFoundError:  # still starting
        return None
    return State(**{field.name: found[field.name] for field in fields(State)})
