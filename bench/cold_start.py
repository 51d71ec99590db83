"""What a cold start of the Lambda function costs before it sees a request: `make bench-lambda`.

Imports the handler from the unpacked bundle in fresh processes that see nothing else, and prints the CPU time of the
process (user and system) and the heaviest imports. The bundle is the one for this machine's architecture and Python.
"""

import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from statistics import median

from cdk import bundle

_RUNS = 7
_HEAVIEST = 12
_IMPORT = "import gateway.lambda_handler"


def main() -> None:
    """Measure and print."""
    try:
        built = bundle.existing("x86_64")
    except bundle.BundleMissingError:
        built = bundle.build("x86_64")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(built.path) as archive:
            archive.extractall(folder)
        baseline = median(_cpu(folder, "pass") for _ in range(_RUNS))
        _cpu(folder, _IMPORT)  # once for the disk's cache
        runs = sorted(_cpu(folder, _IMPORT) - baseline for _ in range(_RUNS))
        print(f"bundle            {built.unzipped_bytes / 1e6:.1f} MB unzipped, Python {sys.version.split()[0]}")
        print(f"import of handler {median(runs):.2f} s CPU (median of {_RUNS}; {runs[0]:.2f} to {runs[-1]:.2f})")
        print("heaviest imports, with all they import themselves, ms:")
        for milliseconds, name in _heaviest(folder):
            print(f"  {milliseconds:6.0f}  {name}")


def _run(folder: str, code: str, *options: str) -> str:
    environment = {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", *options, "-c", code]
    return subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stderr


def _cpu(folder: str, code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(folder, code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _heaviest(folder: str) -> list[tuple[float, str]]:
    def rows() -> Iterator[tuple[float, str]]:
        for line in _run(folder, _IMPORT, "-X", "importtime").splitlines():
            _, cumulative, name = line.removeprefix("import time:").split("|")
            if cumulative.strip().isdigit() and "." not in name.strip():  # whole packages
                yield int(cumulative) / 1_000, name.strip()

    return sorted(rows(), reverse=True)[:_HEAVIEST]


if __name__ == "__main__":
    main()
