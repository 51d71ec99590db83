"""`payments dev-reset`: forget everything the local platform keeps."""

import shutil

from payments.devtools.servers import Postgres
from payments.devtools.workspace import Workspace


def run(workspace: Workspace) -> bool:
    """Remove `.dev/`; returns whether there was anything to remove.

    Raises:
        AlreadyRunningError: the platform runs.
        WorkspaceError: it belongs to another user.
    """
    if not workspace.folder.exists():
        return False
    with workspace.claim():
        Postgres(workspace.postgres).clear_leftovers()
        shutil.rmtree(workspace.folder)
    return True
