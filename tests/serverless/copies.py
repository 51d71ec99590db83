"""An execution environment that becomes two, as SnapStart does it: run by test_snapshots.py, fed through stdin.

Imports the handler, lets the hooks run, forks, and answers the given events in each copy. Each copy prints what it has
of its own, and stays until stdin ends.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import snapshot_restore_py  # type: ignore[import-untyped] # it has none

from gateway.lambda_handler import handler
from shared.ids import new_id

CONTEXT = SimpleNamespace(aws_request_id="invocation")


def sockets() -> list[str]:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [str(link.readlink()) for link in links if str(link.readlink()).startswith("socket:")]


def run(hooks: list[Any]) -> None:
    for hook, arguments, named in hooks:
        hook(*arguments, **named)


def tasks() -> list[str]:
    """What is left on the loop after a reply."""
    loop = handler._environment.loop
    return sorted(f"{task.get_name()} {task.get_coro()}" for task in asyncio.all_tasks(loop))


def copy(events: list[Any], state: Any) -> dict[str, Any]:
    random.setstate(state)  # a fork gives new dice by itself; a snapshot does not
    if "--forget-the-hooks" not in sys.argv:
        run(snapshot_restore_py.get_after_restore())
    ids, dice = [new_id("pay") for _ in range(3)], random.random()
    answers = [handler(event, CONTEXT) for event in events]
    return {
        "ids": [identifier[-16:] for identifier in ids],  # without the time
        "dice": dice,
        "answers": [(answer["statusCode"], json.loads(answer["body"])) for answer in answers],
        "tasks": tasks(),
    }


def main() -> None:
    events = json.loads(sys.stdin.readline())
    new_id("pay")  # the generator has begun, which is the worst that can be in a snapshot
    random.random()
    opened, state = sockets(), random.getstate()
    run(snapshot_restore_py.get_before_snapshot())
    for number in range(2):
        if os.fork() == 0:
            found = copy(events[number], state) | {"opened": opened}
            os.write(1, f"copy {json.dumps(found)}\n".encode())  # at once, because the other copy writes too
            sys.stdin.read()
            os._exit(0)
    for _ in range(2):
        os.wait()


if __name__ == "__main__":
    main()
