"""Import rules that import-linter's contracts in pyproject.toml cannot express."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "src" / "payments"
# What one feature may import from another: its decisions, the shapes they take and give, and pure vocabularies.
DOORS = ("service", "schemas", "entries", "limits", "days")


def imports_of(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """Yield each import in the file as (line, dotted name); `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            yield from ((node.lineno, ".".join([*base, *filter(None, [node.module]), a.name])) for a in node.names)


def is_feature(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("routes.py", "service.py", "repository.py"))


def features() -> list[str]:
    return sorted(folder.name for folder in SERVICE.iterdir() if folder.is_dir() and is_feature(folder))


def foreign_imports(feature: str, others: set[str]) -> Iterator[str]:
    for path in sorted((SERVICE / feature).rglob("*.py")):
        package = ".".join(path.parent.relative_to(ROOT / "src").parts)
        for line, name in imports_of(path, package):
            top, other, module = [*name.split("."), "", ""][:3]
            if top == "payments" and other in others and module not in DOORS:
                yield f"{path.relative_to(ROOT)}:{line} imports {name}"


@pytest.mark.parametrize("feature", features())
def test_features_talk_to_each_other_through_service_and_schemas(feature):
    assert list(foreign_imports(feature, set(features()) - {feature})) == []


@pytest.mark.parametrize("name", ["stage", "stage_parts", "stage_rules"])
def test_stages_are_plain_data(name):
    imports = {name for _, name in imports_of(ROOT / "cdk" / f"{name}.py", "cdk")}
    foreign = {name for name in imports if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith("cdk.stage")} == set()


def test_nothing_shadows_the_cdk8s_library():
    # `import cdk8s` from the root would find the folder instead, and `python app.py` would fail.
    assert not (ROOT / "cdk8s" / "__init__.py").exists()
