"""``payments manifests …``: what operations review, check and approve.

Results go to stdout, progress to stderr. `diff` ends as `kubectl diff` does: 0 the same, 1 differs, above 1 an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
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


class Report(StrEnum):
    """How a check is printed."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


Folder = Annotated[
    Path | None,
    typer.Argument(help="Folder of manifests; without it, the working tree is synthesized.", show_default=False),
]


@app.command()
def check(
    folder: Folder = None,
    *,
    stage: Stage = _PRODUCTION,
    output: Annotated[Report, typer.Option("--output", "-o", help="Form of the result.")] = Report.TABLE,
) -> None:
    """Hold manifests to schemas, security and availability. Exit code 0: no problem; 1: some; above: an error."""
    with _errors():
        from payments.devtools.manifests import output as printing  # noqa: PLC0415
        from payments.devtools.manifests import report, rules  # noqa: PLC0415

        found = _manifests(str(folder) if folder is not None else None, stage)
        problems = rules.check(found, stage)
        if output is Report.SARIF:
            typer.echo(report.sarif(problems))
        elif output is Report.JSON:
            typer.echo(report.as_json(problems, len(found)))
        else:
            typer.echo(report.table(problems, len(found), color=printing.colored()), color=True)
        raise typer.Exit(1 if problems else 0)


@app.command()
def graph(folder: Folder = None, *, stage: Stage = _PRODUCTION) -> None:
    """Draw workloads and the traffic that policies allow between them, as SVG."""
    with _errors():
        from payments.devtools.manifests import drawing, traffic  # noqa: PLC0415

        typer.echo(drawing.svg(traffic.edges(_manifests(str(folder) if folder is not None else None, stage)), stage))


@app.command()
def approve(
    folder: Annotated[Path | None, typer.Argument(help="Default: dist/STAGE.", show_default=False)] = None,
    *,
    stage: Stage = _PRODUCTION,
    reviewer: Annotated[str | None, typer.Option(help="Who looked; without it, git's user.")] = None,
) -> None:
    """Record who reviewed which bytes, in approvals/STAGE.json; commit that file."""
    with _errors():
        from payments.devtools.manifests import approvals, sources  # noqa: PLC0415

        folder = folder or approvals.DIST / stage
        # Only what the commit really makes may be approved, not what somebody edited afterwards.
        _progress(f"synthesizing {stage}")
        with TemporaryDirectory(prefix="manifests-") as fresh:
            sources.synthesize(stage, Path(fresh))
            approval = approvals.approve(stage, folder, reviewer, made=Path(fresh, stage))
        typer.echo(f"{stage} {approval.hash} at {approval.commit[:12]}, reviewed by {approval.reviewer}")


@app.command()
def verify(
    folder: Annotated[Path | None, typer.Argument(help="Default: dist/STAGE.", show_default=False)] = None,
    *,
    stage: Stage = _PRODUCTION,
) -> None:
    """Say whether these bytes are the approved ones; the deploy workflow stops when they are not."""
    with _errors():
        from payments.devtools.manifests import approvals  # noqa: PLC0415

        approval = approvals.verify(stage, folder or approvals.DIST / stage)
        typer.echo(f"{stage} {approval.hash} was reviewed by {approval.reviewer} at {approval.commit[:12]}")


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
