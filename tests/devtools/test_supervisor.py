"""The supervisor, with small programs in the place of servers; each test runs it in a process of its own."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

# Children write down when they are asked to stop. `stubborn` does not stop at all.
PROGRAM = """
import signal, subprocess, sys, time
from pathlib import Path
from payments.devtools import processes
from payments.devtools.console import Console
from payments.devtools.processes import Program
from payments.devtools.supervisor import Supervisor

HERE = Path(sys.argv[1])
CHILD = '''
import os, signal, sys, time
name, journal = sys.argv[1], sys.argv[2]
def stop(*_):
    if name == "stubborn": return
    with open(journal, "a") as file: file.write(name + " ")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print("child", name, os.getpid(), flush=True)
while True: time.sleep(60)
'''

class Child:
    stop_signal = signal.SIGTERM
    process = None
    def __init__(self, name): self.name = name
    def start(self, output):
        self.process = processes.spawn(
            Program(self.name, [sys.executable, "-u", "-c", CHILD, self.name, str(HERE / "journal")]), output=output
        )

with Supervisor(Console()) as supervisor:
    for name in sys.argv[2:]:
        supervisor.start(Child(name))
    supervisor.watch()
"""


class Supervised:
    """A running supervisor and what it prints."""

    def __init__(self, folder, *names):
        self.folder, self.names = folder, names
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.children: dict[str, psutil.Process] = {}
        while len(self.children) < len(names):
            assert self.process.stdout
            words = self.process.stdout.readline().split()
            assert words, "it ended early"
            if "child" in words:
                self.children[words[-2]] = psutil.Process(int(words[-1]))

    def ended(self):
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output

    def journal(self):
        return (self.folder / "journal").read_text().split()


@pytest.fixture
def supervised(tmp_path):
    started = []

    def start(*names):
        started.append(Supervised(tmp_path, *names))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        with one.process:  # closes its pipe
            pass
        for child in one.children.values():
            if child.is_running():
                child.kill()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stops_its_children_last_started_first(supervised, asked):
    one = supervised("database", "service", "gateway")
    one.process.send_signal(asked)
    code, output = one.ended()
    assert code == 0, output
    assert one.journal() == ["gateway", "service", "database"]
    assert not any(child.is_running() for child in one.children.values())


def test_a_ctrl_c_in_the_terminal_reaches_no_child(supervised):
    one = supervised("database", "service")
    os.killpg(one.process.pid, signal.SIGINT)
    assert one.ended()[0] == 0
    assert one.journal() == ["service", "database"]


def test_a_child_that_ends_stops_everything(supervised):
    one = supervised("database", "service", "gateway")
    one.children["service"].kill()
    code, output = one.ended()
    assert code != 0
    assert "service was ended by SIGKILL" in output
    assert one.journal() == ["gateway", "database"]


def test_a_second_signal_does_not_wait(supervised):
    one = supervised("database", "stubborn")
    one.process.send_signal(signal.SIGINT)
    for line in one.process.stdout:
        if "stopping" in line:
            break
    one.process.send_signal(signal.SIGINT)
    assert one.ended()[0] == 0
    assert not any(child.is_running() for child in one.children.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_children_end_with_a_supervisor_that_was_killed(supervised):
    one = supervised("database", "service")
    one.process.kill()
    _, alive = psutil.wait_procs(list(one.children.values()), timeout=10)
    assert not alive
    assert sorted(one.journal()) == ["database", "service"]


def test_lines_carry_the_name_of_who_wrote_them_and_no_color_in_a_pipe(supervised):
    one = supervised("database")
    one.process.terminate()
    _, output = one.ended()
    assert "platform | database stopped" in output
    assert "\033" not in output
