"""Starts the programs of `cdk/`: the services' code never imports it, and a laptop need not have its libraries."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from payments.devtools.errors import ToolError
from payments.devtools.workspace import PROJECT


def run(module: str, arguments: Sequence[str]) -> int:
    """Run a module of the infrastructure, and return its exit code.

    Raises:
        ToolError: its libraries are not installed.
    """
    if find_spec("aws_cdk") is None:
        raise ToolError("the infrastructure's libraries are not installed; `make setup-infra` does it")
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=PROJECT, check=False).returncode  # noqa: S603
