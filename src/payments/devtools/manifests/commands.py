"""``payments manifests …``: what operations review, check and approve.

Results go to stdout, progress to stderr. `diff` ends as `kubectl diff` does: 0 the same, 1 differs, above 1 an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools.errors import ToolError

if TYPE_CHECKING:
    from payments.devtools.manifests.objects import Manifest

app = typer.Typer(name="manifests", help="Kubernetes manifests: compare, check, draw, approve.", no_args_is_help=True)

_ERROR = 2

Stage = Annotated[str, typer.Option("--stage", help="Whose manifests.")]
_PRODUCTION = "production"


class Output(StrEnum):
    """How a difference is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "md"


@app.command()
def diff(
    new: Annotated[
        str | None,
        typer.Argument(help="Folder or commit to look at; without it, the working tree.", show_default=False),
    ] = None,
    *,
    against: Annotated[
        str | None,
        typer.Option(help="Folder or commit to compare with; without it, what was approved last, or else HEAD."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with the cluster of the kubectl context.")] = False,
    stage: Stage = _PRODUCTION,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form of the result.")] = Output.TABLE,
) -> None:
    """Say in words what changes, what matters most first. Exit code 0: nothing; 1: something; above: an error."""
    with _errors():
        from payments.devtools.manifests import output as printing  # noqa: PLC0415
        from payments.devtools.manifests.difference import differences  # noqa: PLC0415

        if live and against is not None:
            raise ToolError("--live and --against are two things to compare with; give one")
        wanted = _manifests(new, stage)
        found = differences(_live(wanted) if live else _base(against, stage), wanted)
        if output is Output.JSON:
            typer.echo(printing.as_json(found))
        elif output is Output.MARKDOWN:
            typer.echo(printing.markdown(found))
        else:
            typer.echo(printing.table(found, color=printing.colored()), color=True)
        raise typer.Exit(1 if found else 0)


@contextmanager
def _errors() -> Iterator[None]:
    """End with a code above 1 where something is wrong: 1 means that something differs."""
    try:
        yield
    except ToolError as error:
        typer.secho(f"payments: {error}", err=True, fg="red")
        raise typer.Exit(_ERROR) from error


def _progress(text: str) -> None:
    typer.echo(text, err=True)


def _manifests(source: str | None, stage: str) -> "list[Manifest]":
    from payments.devtools.manifests import sources  # noqa: PLC0415

    if source is not None:
        _progress(f"reading {source}")
        return sources.resolve(source, stage)
    _progress(f"synthesizing {stage}")
    return sources.synthesized(stage)


def _base(against: str | None, stage: str) -> "list[Manifest]":
    from payments.devtools.manifests import approvals  # noqa: PLC0415

    if against is None:
        approved = approvals.read(stage)
        against = approved.commit if approved is not None else "HEAD"
    return _manifests(against, stage)


def _live(wanted: "list[Manifest]") -> "list[Manifest]":
    from payments.devtools.manifests import cluster, sources  # noqa: PLC0415

    _progress("asking the cluster")
    by_key = {manifest.key: manifest for manifest in wanted}
    return [cluster.ours(there, by_key.get(there.key)) for there in sources.live(wanted)]
