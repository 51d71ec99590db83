"""CPU time and memory by part of the platform, children included, and CPU of everybody else on the machine."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds of CPU so far.

    Shapes:
        parts: by the name of each part.
        machine: all CPUs together, whoever used them.
        at: when, in seconds of a clock that never goes back.
    """

    parts: dict[str, float]
    machine: float
    at: float


class Meter:
    """Reads how much CPU the parts of the platform have used."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        """Take the process number at the root of each part."""
        self._roots = {name: psutil.Process(number) for name, number in processes.items()}

    def read(self) -> Sample:
        """Look now."""
        used = psutil.cpu_times()
        # Busy as the kernel counts it; the guests' share is part of user already.
        machine = sum(used) - used.idle - sum(getattr(used, name, 0.0) for name in ("iowait", "guest", "guest_nice"))
        return Sample({name: _tree(root) for name, root in self._roots.items()}, machine, time.perf_counter())

    def memory(self) -> dict[str, float]:
        """Return the MiB that each part's first process holds now; PostgreSQL shares most of its memory with others."""
        return {name: root.memory_info().rss / 2**20 for name, root in self._roots.items()}


def own() -> float:
    """Return the CPU seconds of this process and of those it has waited for: the benchmark's own tools."""
    return _used(psutil.Process())


def others(before: Sample, after: Sample, own: float) -> float:
    """Return which share of the machine (0 to 1) was used by processes that have nothing to do with the benchmark.

    `own`: CPU seconds that its own tools used between the two samples.
    """
    parts = sum(after.parts.values()) - sum(before.parts.values())
    foreign = after.machine - before.machine - parts - own
    return max(0.0, foreign / ((after.at - before.at) * (psutil.cpu_count() or 1)))


def _tree(root: psutil.Process) -> float:
    """Return the CPU time of a process and all its descendants; those that ended are on their parent's account.

    Looks again while some of them end: whoever ends between two looks would be on nobody's.
    """
    while True:
        before = _ended(root)
        try:
            total = _used(root) + sum(_used(child) for child in root.children(recursive=True))
        except psutil.NoSuchProcess:
            continue
        if _ended(root) == before:
            return total


def _ended(root: psutil.Process) -> float:
    times = root.cpu_times()
    return float(times.children_user + times.children_system)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
