"""Which account the embedded servers run as.

PostgreSQL refuses to run as root. Started by root, the servers therefore run as `nobody`, who owns their data and
nothing else. Where a folder above the data or above the binaries is closed to others (a clone under a private home),
the servers keep one capability, looking past closed folders, instead of those folders being opened up for everybody.
"""

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from payments.devtools.errors import PrivilegeError

_ACCOUNT = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user that root hands its servers to."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account for the servers: None keeps the current user, which is right for everyone but root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise PrivilegeError(
            f"running as root, and there is no user {_ACCOUNT!r} to run PostgreSQL as; start as an ordinary user"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def closed_folders(account: Account, paths: Iterable[Path]) -> list[Path]:
    """The folders above `paths` that `account` may not pass through."""
    folders = {parent for path in paths for parent in path.resolve().parents}
    return sorted(folder for folder in folders if not _may_pass(account, folder))


def _may_pass(account: Account, folder: Path) -> bool:
    info = folder.stat()
    if info.st_uid == account.uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == account.gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def passing_closed_folders(account: Account, argv: Sequence[str], death_signal: Signals) -> list[str]:
    """`argv` wrapped so that it becomes `account` and may still search folders that are closed to it.

    Raises:
        PrivilegeError: when this system has no `setpriv` (it is part of util-linux, so only Linux has it).
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        raise PrivilegeError(
            "running as root in a folder that other users cannot enter, and `setpriv` is not available to bridge that; "
            "start as an ordinary user, or move the working copy to a folder that others may enter"
        )
    return [
        setpriv,
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",  # otherwise access(2), which initdb asks, would not count the capability
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
        f"--pdeathsig={death_signal.name.removeprefix('SIG')}",
        "--",
        *argv,
    ]
