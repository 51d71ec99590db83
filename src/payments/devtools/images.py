"""``payments images …``: which images a stage runs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from payments.devtools.errors import ToolError
from payments.devtools.workspace import PROJECT

app = typer.Typer(name="images", help="Container images by digest.", no_args_is_help=True)

NAMES = ("gateway", "payments")
FOLDER = PROJECT / "images"
_PIN = re.compile(r"(?P<name>[a-z]+)=(?P<image>[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64})")


@app.callback()
def images() -> None:
    """Container images by digest."""


@app.command()
def pin(
    pins: Annotated[list[str], typer.Argument(help="NAME=REPOSITORY@sha256:…, as `docker push` prints it.")],
    *,
    stage: Annotated[str, typer.Option(help="The stage that will run them.")],
) -> None:
    """Write images/STAGE.json, which the manifests take their images from; commit that file."""
    _check_stage(stage)
    path = FOLDER / f"{stage}.json"
    found = read(path) | dict(map(parse, pins))
    path.write_text(json.dumps(dict(sorted(found.items())), indent=2) + "\n", encoding="utf-8")
    typer.echo(f"images/{path.name}: {', '.join(sorted(found))}")
    if missing := [name for name in NAMES if name not in found]:
        typer.echo(f"not pinned yet: {', '.join(missing)}", err=True)


def parse(text: str) -> tuple[str, str]:
    """Return name and image of a pin.

    Raises:
        ToolError: it is none, or it names no image of ours.
    """
    matched = _PIN.fullmatch(text)
    if matched is None or matched["name"] not in NAMES:
        raise ToolError(f"{text!r} is not NAME=REPOSITORY@sha256:… with one of {', '.join(NAMES)}: a tag may move")
    return matched["name"], matched["image"]


def _check_stage(stage: str) -> None:
    """Refuse a stage that the project does not have: nobody would read its file.

    Raises:
        ToolError: it is none.
    """
    # In a process of its own: the services' code never imports the infrastructure's.
    asked = "import sys; from cdk.stages import STAGES; sys.exit(sys.argv[1] not in STAGES and ', '.join(STAGES))"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", asked, stage], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolError(f"there is no stage {stage!r}; choose one of {done.stderr.strip()}")


def read(path: Path) -> dict[str, str]:
    """Return the pins of a file; none when there is no file.

    Raises:
        ToolError: it holds something else.
    """
    if not path.exists():
        return {}
    try:
        return {str(name): str(image) for name, image in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:
        raise ToolError(f"{path} is not a map of pins: {error}") from error
