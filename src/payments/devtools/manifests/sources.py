"""Where manifests come from: a folder, the working tree, a commit, a cluster."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from payments.devtools.errors import ManifestError
from payments.devtools.manifests.objects import Body, Manifest, load
from payments.devtools.workspace import PROJECT

PROGRAM = Path("cdk8s", "main.py")


def synthesized(stage: str, *, tree: Path = PROJECT) -> list[Manifest]:
    """Return what a tree's charts say today, in a folder that is thrown away.

    Raises:
        ManifestError: they cannot be synthesized.
    """
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        synthesize(stage, Path(folder), tree=tree)
        return load(Path(folder, stage))


def synthesize(stage: str, folder: Path, *, tree: Path = PROJECT) -> None:
    """Write a stage's manifests into `folder/<stage>`, in a process of its own: a tree runs its own code.

    Raises:
        ManifestError: it failed, with what it said.
    """
    if not (tree / PROGRAM).exists():
        raise ManifestError(f"there are no charts in {tree}: {PROGRAM} is missing")
    command = [sys.executable, str(tree / PROGRAM), "--stage", stage, "--output", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ManifestError(f"{stage} could not be synthesized\n{(done.stderr or done.stdout).strip()}")


def resolve(source: str, stage: str) -> list[Manifest]:
    """Return the manifests of a folder, or of a commit named in any way that git understands.

    Raises:
        ManifestError: it is neither.
    """
    if Path(source).is_dir():
        return load(Path(source))
    with checkout(source) as tree:
        return synthesized(stage, tree=tree)


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Yield a copy of a commit's files.

    Raises:
        ManifestError: there is no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        archive, tree = Path(folder) / "tree.tar", Path(folder) / "tree"
        tree.mkdir()
        commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not commit:
            raise ManifestError(f"{revision!r} is neither a folder nor a commit")
        git("archive", f"--output={archive}", commit)
        _run(["tar", "--extract", f"--file={archive}", f"--directory={tree}"])
        yield tree


def git(*arguments: str, tree: Path = PROJECT) -> str:
    """Return what git prints; nothing when it refuses.

    Raises:
        ManifestError: there is no git.
    """
    # safe.directory: the copy may belong to another user, as in a container.
    command = ["git", "-c", "safe.directory=*", *arguments]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise ManifestError("git is needed for this, and not installed") from None
    return done.stdout.strip() if done.returncode == 0 else ""


def live(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Return what the cluster of the current kubectl context has of these objects.

    Raises:
        ManifestError: it cannot be asked.
    """
    wanted = yaml.safe_dump_all([manifest.body for manifest in manifests])
    text = _run(["kubectl", "get", "--ignore-not-found", "--output=json", "--filename=-"], text=wanted)
    found: Body = json.loads(text) if text.strip() else {"kind": "List", "items": []}
    bodies = found["items"] if found["kind"].endswith("List") else [found]
    return [Manifest(body, "cluster") for body in bodies]


def _told(text: str) -> str:
    """Return the last words of a program: kubectl says the same once for each object, after its own log lines."""
    return (text.strip().splitlines() or ["it did not say why"])[-1]


def _run(command: Sequence[str], *, text: str | None = None) -> str:
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise ManifestError(f"{command[0]} is needed for this, and not installed") from None
    if done.returncode:
        raise ManifestError(f"{' '.join(command[:2])} failed: {_told(done.stderr)}")
    return done.stdout
