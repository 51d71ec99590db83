"""Tables and drawings in the documents agree with the code.

To renew them: `PYTHONPATH=.:cdk8s .venv/bin/python -m tests.cdk.test_docs`
"""

import re
from pathlib import Path

import pytest

from cdk.diagram import draw
from cdk.stage import Stage
from cdk.stages import STAGES
from tests.cdk.synthesis import synthesize

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
INFRASTRUCTURE = ROOT / "docs" / "INFRASTRUCTURE.md"
DRAWN = [("production", "eks"), ("development", "serverless")]


TO = "\N{EN DASH}"


def row(title: str, describe) -> str:
    return f"| {title} | " + " | ".join(describe(stage) for stage in STAGES.values()) + " |"


def nodes(stage: Stage) -> str:
    return ", ".join(f"{g.size.min}{TO}{g.size.max} {'spot' if g.spot else 'on demand'}" for g in stage.cluster.nodes)


def database(stage: Stage) -> str:
    found = stage.database
    extra = [
        "Multi-AZ" if found.multi_az else "one zone",
        *(["read replica"] if found.replica else []),
        f"{found.backup_days} day{'s' * (found.backup_days > 1)} of backups",
        *(["insights"] if found.insights else []),
    ]
    return f"{found.instance}, " + ", ".join(extra)


def stage_table() -> str:
    return "\n".join(
        [
            row("", lambda stage: stage.name),
            "|---|" + "---|" * len(STAGES),
            row("compute", lambda stage: {"eks": "EKS", "serverless": "Lambda"}[stage.compute]),
            row("zones", lambda stage: str(len(stage.zones))),
            row("budget a month, USD", lambda stage: f"{stage.budget.floor:,}{TO}{stage.budget.ceiling:,}"),
            row("database", database),
            row("cache", lambda stage: f"{stage.cache.node}, {'failover' if stage.cache.replicas else 'one node'}"),
            row(
                "NAT",
                lambda stage: (
                    f"{stage.network.nat_gateways} {stage.network.nat}{'s' * (stage.network.nat_gateways > 1)}"
                ),
            ),
            row("nodes", nodes),
            row("payments pods", lambda stage: TO.join(map(str, stage.workloads.payments.replicas))),
            row("CloudFront or WAF in front", lambda stage: "yes" if stage.edge.enabled else "no"),
        ]
    )


def between(text: str, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", text, re.DOTALL)
    assert found, f"no place for {name}"
    return found[1]


def test_the_readmes_table_of_stages_is_the_stages():
    assert between(README.read_text(encoding="utf-8"), "stages") == stage_table()


@pytest.mark.parametrize(("stage", "compute"), DRAWN)
def test_the_drawings_are_the_synthesized_app(assembly, stage, compute):
    drawn = draw(assembly(stage, compute).folder / "assembly", f"payments-{stage}")
    assert between(INFRASTRUCTURE.read_text(encoding="utf-8"), f"{stage}-{compute}") == drawn


def test_every_stack_is_described(assembly):
    text = INFRASTRUCTURE.read_text(encoding="utf-8")
    areas = {
        area for stage in STAGES for compute in ("serverless", "eks") for area in assembly(stage, compute).templates
    }
    assert {area for area in areas if f"\n| {area} | " not in text} == set()


def renew(path: Path, name: str, content: str) -> None:
    text = path.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    between(text, name)
    text = re.sub(
        re.escape(start) + ".*?" + re.escape(end.strip()), lambda _: start + content + end, text, flags=re.DOTALL
    )
    path.write_text(text, encoding="utf-8")


def main() -> None:
    from tempfile import TemporaryDirectory

    renew(README, "stages", stage_table())
    for stage, compute in DRAWN:
        with TemporaryDirectory() as folder:
            synthesize(stage, compute, Path(folder))  # type: ignore[arg-type]
            renew(INFRASTRUCTURE, f"{stage}-{compute}", draw(Path(folder) / "assembly", f"payments-{stage}"))


if __name__ == "__main__":
    main()
