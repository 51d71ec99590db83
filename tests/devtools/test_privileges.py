"""Which account the servers run as, and when they need help to reach their files."""

import os
import pwd
import shutil
import signal
import subprocess
import sys

import pytest

from payments.devtools import privileges, processes
from payments.devtools.errors import PrivilegeError
from payments.devtools.privileges import Account, closed_folders, server_account
from payments.devtools.processes import Program

ROOT_ON_LINUX = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv, to become somebody else"
)
STRANGER = Account(uid=54321, gid=54321)


def test_an_ordinary_user_keeps_its_account(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_account() is None


def test_root_becomes_nobody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    entry = pwd.getpwnam("nobody")
    assert server_account() == Account(entry.pw_uid, entry.pw_gid)


def test_root_without_nobody_is_told_what_to_do(monkeypatch):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    with pytest.raises(PrivilegeError, match="ordinary user"):
        server_account()


def test_closed_folders(tmp_path):
    private = tmp_path / "private"
    (private / "open").mkdir(parents=True)
    private.chmod(0o700)
    assert private in closed_folders(STRANGER, [private / "open" / "file"])
    assert private not in closed_folders(Account(private.stat().st_uid, 54321), [private / "open" / "file"])
    private.chmod(0o711)
    assert private not in closed_folders(STRANGER, [private / "open" / "file"])
    private.chmod(0o770)
    assert private not in closed_folders(Account(54321, private.stat().st_gid), [private / "open" / "file"])


def test_no_way_past_closed_folders_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(PrivilegeError, match="setpriv"):
        privileges.passing_closed_folders(STRANGER, ["true"], signal.SIGTERM)


@ROOT_ON_LINUX
def test_a_program_below_a_closed_folder_runs_as_the_account_and_sees_its_file(tmp_path):
    folder = tmp_path / "closed" / "own"
    folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    file = folder / "file"
    file.write_text("found\n")
    os.chown(folder, STRANGER.uid, STRANGER.gid)
    os.chown(file, STRANGER.uid, STRANGER.gid)
    file.chmod(0o600)
    # access(2) is asked as well: initdb does, and the kernel answers it by rules of its own.
    look = "import os, sys; p = sys.argv[1]; print(os.getuid(), os.getgroups(), os.access(p, os.R_OK), open(p).read())"
    program = Program("look", [sys.executable, "-c", look, str(file)], account=STRANGER, touches=[file])
    process = processes.spawn(program, output=subprocess.PIPE)
    output, _ = process.communicate(timeout=10)
    assert output.decode().split() == ["54321", "[]", "True", "found"]


@ROOT_ON_LINUX
@pytest.mark.parametrize("closed", [False, True])
def test_a_program_of_another_account_ends_with_its_parent(tmp_path, closed):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o700 if closed else 0o711)
    parent = f"""
import subprocess, sys, time
from pathlib import Path
from payments.devtools import processes
from payments.devtools.privileges import Account
from payments.devtools.processes import Program
touched = Path({str(folder / "file")!r})
shell = ["/bin/sh", "-c", "echo $$; exec sleep 60"]
program = Program("sleep", shell, account=Account(54321, 54321), touches=[touched])
processes.spawn(program, output=sys.stdout)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout
    # It speaks when it runs as the account: until then the kernel may have been told to forget its parent.
    child = int(process.stdout.readline())
    child_file = os.pidfd_open(child)
    process.kill()
    process.wait()
    try:
        # A process file becomes readable when the process has ended.
        assert _readable(child_file, seconds=10)
    finally:
        os.close(child_file)
        process.stdout.close()


def _readable(file: int, *, seconds: float) -> bool:
    import select

    return bool(select.select([file], [], [], seconds)[0])
