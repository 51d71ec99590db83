"""Sizes of pods follow from measurements, and docs/PERFORMANCE.md shows how."""

from cdk.cost.load import CPU_MS
from cdk.stages import PRODUCTION, STAGES
from tests.docs import page

DOC = page.PROJECT / "docs" / "PERFORMANCE.md"
LEAST, MOST = 900, 1_200  # payments per second that one pod of each kind carries


def test_the_page_shows_the_sizes_and_what_they_come_from():
    rows = {row[0]: row[1:] for row in page.table(DOC.read_text(encoding="utf-8"), "pods")}
    assert set(rows) == {name for name, _ in PRODUCTION.workloads}
    for name, size in PRODUCTION.workloads:
        cpu_ms, cpu, carries, used, memory = rows[name]
        millis = size.cpu_millis * size.cpu_target_percent / 100 / float(CPU_MS[name])
        assert (cpu_ms, cpu, memory) == (str(CPU_MS[name]), f"{size.cpu_millis}m", str(size.memory_mib)), name
        assert carries == f"{int(millis):,}", name
        assert LEAST <= millis <= MOST, f"{name} is not of the size of the others"
        assert size.memory_mib >= 2 * int(used), f"{name} has too little room for memory"


def test_pods_have_one_size_everywhere():
    for stage in STAGES.values():
        for (name, size), (_, wanted) in zip(stage.workloads, PRODUCTION.workloads, strict=True):
            assert (size.cpu_millis, size.memory_mib) == (wanted.cpu_millis, wanted.memory_mib), (stage.name, name)
