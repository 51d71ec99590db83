"""The folder `.dev/` of a working copy: everything the local platform keeps, and who may use it now."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from payments.devtools.errors import AlreadyRunningError, WorkspaceError

PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths below one `.dev/`."""

    folder: Path

    @classmethod
    def of_project(cls) -> "Workspace":
        """The one beside pyproject.toml."""
        return cls(PROJECT / ".dev")

    @property
    def state(self) -> Path:
        """What scripts need to talk to the running platform; exists only while it runs."""
        return self.folder / "state.json"

    @property
    def seed(self) -> Path:
        """The demo merchants and their API keys, which the service itself shows only once."""
        return self.folder / "demo.json"

    @property
    def keys(self) -> Path:
        """Folder of key files."""
        return self.folder / "keys"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's folder."""
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's folder."""
        return self.folder / "valkey"

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Create the folder if need be and keep everybody else out of it for the length of a `with` block.

        Raises:
            AlreadyRunningError: somebody else has claimed it.
            WorkspaceError: it cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            # Root's servers run as another user, who has to pass through, but not to look around.
            self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise WorkspaceError(
                f"{error.filename} belongs to another user; remove {self.folder} as that user, or use a fresh clone"
            ) from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(
                    f"the platform of this working copy is already running, as process {self._holder() or 'unknown'}"
                ) from None
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            yield
        finally:
            os.close(lock)  # which also releases it; after kill -9 the kernel does the same

    def claimed(self) -> bool:
        """Whether a process is running the platform of this working copy."""
        try:
            lock = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _holder(self) -> str:
        return self._lock.read_text()
