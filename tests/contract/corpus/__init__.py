"""One corpus of scenarios, played against the platform wherever it runs; see ``tests/contract/test_parity.py``.

Each scenario is a function in a module of this folder that takes a ``Client`` and makes requests. It asserts nothing:
every request and its answer become part of a transcript, and transcripts of two places are compared.
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from tests.contract.client import Client

Scenario = Callable[[Client], None]


def scenarios() -> dict[str, Scenario]:
    """Return every scenario by ``module.function``, in the order they are written in."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = importlib.import_module(f"{__name__}.{path.stem}")
        for name, value in vars(module).items():
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_"):
                found[f"{path.stem}.{name}"] = value
    return found
