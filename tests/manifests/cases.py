"""Cases in YAML: a base object, what changes on one side, and what the difference must say."""

import copy
from pathlib import Path
from typing import Any

import yaml

from payments.devtools.manifests.objects import Manifest

FOLDER = Path(__file__).with_name("cases")
_BASES = yaml.safe_load((FOLDER / "bases.yaml").read_text(encoding="utf-8"))


def cases(*names: str) -> list[dict[str, Any]]:
    """The cases of the files."""
    return [case for name in names for case in yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))]


def sides(case: dict[str, Any]) -> tuple[list[Manifest], list[Manifest]]:
    """The two sets of manifests of a case."""
    if "base" in case:
        old = {"base": case["base"], "change": case.get("before", {})}
        return [_manifest(old)], [_manifest({"base": case["base"], "change": case["change"]})]
    return [_manifest(one) for one in case["old"]], [_manifest(one) for one in case["new"]]


def base(name: str, **changes: Any) -> dict[str, Any]:
    """A base object; fields of `changes` are named by their path, as in the cases."""
    return _manifest({"base": name, "change": changes}).body


def _manifest(one: str | dict[str, Any]) -> Manifest:
    if isinstance(one, str):
        one = {"base": one, "change": {}}
    found = _BASES[one["base"]]
    body = _manifest(found).body if "base" in found else copy.deepcopy(found)
    for path, value in one["change"].items():
        put(body, path.split(), value)
    return Manifest(body, "case.yaml")


def put(body: Any, path: list[str], value: Any) -> None:
    """Set a field; None removes it, a number one past the end of a list adds to it."""
    *parents, last = path
    for name in parents:
        body = body[int(name)] if isinstance(body, list) else body.setdefault(name, {})
    if isinstance(body, list):
        body[int(last) : int(last) + 1] = [] if value is None else [value]
    elif value is None:
        del body[last]
    else:
        body[last] = value
