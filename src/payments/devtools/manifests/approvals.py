"""Approvals: who looked at which bytes. The deploy workflow applies nothing else.

`approvals/<stage>.json` is committed, so that it takes a reviewed change of its own to let manifests through.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from payments.devtools.errors import ManifestError
from payments.devtools.manifests.sources import git
from payments.devtools.workspace import PROJECT

APPROVALS = PROJECT / "approvals"
DIST = PROJECT / "dist"
# What the bytes of manifests are made from; a change there that is not committed belongs to no commit.
_INPUTS = ("cdk", "cdk8s", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody looked at these bytes."""

    hash: str
    reviewer: str
    commit: str
    files: dict[str, str]


def approve(stage: str, folder: Path, reviewer: str | None, *, made: Path, approvals: Path = APPROVALS) -> Approval:
    """Record that somebody reviewed a folder's manifests, which must be what the checked-out commit has `made`.

    Raises:
        ManifestError: nobody is named, the tree holds changes that no commit has, or the bytes come from elsewhere.
    """
    reviewer = reviewer or _person()
    if not reviewer:
        raise ManifestError("who approves? Give --reviewer, or set git's user.name and user.email")
    commit = git("rev-parse", "HEAD")
    if not commit:
        raise ManifestError("an approval names a commit, and there is none here")
    if dirty := git("status", "--porcelain", "--", *_INPUTS):
        raise ManifestError(f"commit these first, or nobody can tell what was approved:\n{dirty}")
    files = digests(folder)
    if files != digests(made):
        raise ManifestError(f"{folder} is not what {commit[:12]} makes; `make manifests` writes it anew")
    approval = Approval(hash=combined(files), reviewer=reviewer, commit=commit, files=files)
    approvals.mkdir(exist_ok=True)
    (approvals / f"{stage}.json").write_text(json.dumps(asdict(approval), indent=2) + "\n", encoding="utf-8")
    return approval


def verify(stage: str, folder: Path, *, approvals: Path = APPROVALS) -> Approval:
    """Return the approval of a folder's bytes.

    Raises:
        ManifestError: they are not what was approved; the message names the files.
    """
    approval = read(stage, approvals=approvals)
    if approval is None:
        raise ManifestError(f"nobody has approved {stage} yet: `payments manifests approve --stage {stage}`")
    files = digests(folder)
    if combined(files) != approval.hash:
        names = sorted({*files, *approval.files})
        other = [name for name in names if files.get(name) != approval.files.get(name)]
        raise ManifestError(
            f"{stage} is not what {approval.reviewer} approved at {approval.commit[:12]}: {', '.join(other)}"
        )
    return approval


def read(stage: str, *, approvals: Path = APPROVALS) -> Approval | None:
    """Return a stage's approval, if it has one.

    Raises:
        ManifestError: the file is no approval.
    """
    path = approvals / f"{stage}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Approval(**{field.name: found[field.name] for field in fields(Approval)})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{path} is no approval: {error!r}") from error


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by name.

    Raises:
        ManifestError: there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ManifestError(f"there are no manifests in {folder}; `make manifests` writes dist/<stage>")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def combined(files: dict[str, str]) -> str:
    """Return one hash over names and contents."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _person() -> str:
    name, email = git("config", "user.name"), git("config", "user.email")
    return f"{name} <{email}>" if name and email else ""
