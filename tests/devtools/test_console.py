"""Lines of many processes on one terminal."""

import io
import re

import pytest

from payments.devtools.console import Console


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Screen()


def test_each_process_has_its_color(screen):
    console = Console(screen)
    names = ["postgres", "valkey", "platform", "worker", "payments", "gateway"]
    for name in [*names, *names]:
        console.line(name, "ready")
    colors = re.findall(r"\033\[(\d+)m(\w+)", screen.getvalue())
    assert len({color for color, _ in colors}) == len(names)
    assert len(set(colors)) == len(names)


def test_no_color_is_respected(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    Console(screen).line("gateway", "ready")
    assert screen.getvalue() == "gateway  | ready\n"


def test_what_processes_write_comes_in_whole_lines():
    text = io.StringIO()
    console = Console(text)
    with console.pipe("one") as one, console.pipe("two") as two:
        for part in (b"half", b" a line\n"):
            for pipe in (one, two):
                pipe.write(part)
        one.write(b"not ended, \xff not UTF-8")
    console.drain()
    assert sorted(text.getvalue().splitlines()) == [
        "one      | half a line",
        "one      | not ended, \N{REPLACEMENT CHARACTER} not UTF-8",
        "two      | half a line",
    ]


def test_quiet_keeps_the_lines_for_later():
    text = io.StringIO()
    console = Console(text, quiet=True)
    console.line("gateway", "ready")
    assert text.getvalue() == ""
    console.recall()
    assert text.getvalue() == "gateway  | ready\n"


def test_a_terminal_that_is_gone_stops_nobody():
    class Gone(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    Console(Gone()).line("gateway", "ready")
