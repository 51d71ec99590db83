"""The zip that Lambda runs: wheels of its platform and our sources, without Docker and the same bytes every time.

    python -m cdk.bundle            build/lambda-arm64.zip, for deployment
    python -m cdk.bundle x86_64     build/lambda-x86_64.zip for this machine's Python, which the tests unpack and run

What is left out is what no handler imports; tests/serverless run the whole platform from what remains.
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements" / "lambda.txt"
MAX_UNZIPPED_BYTES = 80_000_000
LAMBDA_PYTHON = "3.13"
_THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

Architecture = Literal["arm64", "x86_64"]

_PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
# Left out of the wheels, as patterns below the bundle.
_UNUSED = (
    "bin",
    "**/__pycache__",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.dist-info/RECORD",  # lists files that are left out
    "bazel-project",  # cel_expr_python: its stubs, twice
    "cel_expr_python/ext/*.so",  # extensions of the language that no rule may use
    "include",  # headers for building other packages
    "pycparser*",  # for building with cffi
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/dialects/sqlite",
    "sqlalchemy/testing",
    "stripe/params",  # types only
    "stripe/events",  # of the second version of its API
    *(f"stripe/{part}" for part in ("issuing", "tax", "terminal", "test_helpers", "treasury")),  # loaded on demand only
    "alembic/testing",
    "aws_lambda_powertools/event_handler",
    "boto3/data",  # its second interface, which nothing here uses
    "greenlet/tests",
)
_AWS_SERVICES = frozenset(("kms", "secretsmanager", "sqs", "sts"))
_SOURCES = ("src/gateway", "src/payments", "src/shared", "migrations")


class BundleMissingError(Exception):
    """There is no bundle of the sources as they are."""


class Bundle(NamedTuple):
    """A zip, the SHA-256 of its bytes, and the size of what is in it."""

    path: Path
    digest: str
    unzipped_bytes: int


def build(architecture: Architecture = "arm64") -> Bundle:
    """Build the zip of one architecture.

    Raises:
        ValueError: it has grown past what a cold start should have to read.

    """
    target = ROOT / "build" / f"lambda-{architecture}.zip"
    target.parent.mkdir(exist_ok=True)
    # In a folder of its own and moved into place, so that two builds at once do not mix.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        content = Path(folder) / "content"
        _install(content, architecture)
        _prune(content)
        for library in content.rglob("*.so*"):
            _strip(library)
        for source in _SOURCES:
            shutil.copytree(ROOT / source, content / Path(source).name, ignore=shutil.ignore_patterns("__pycache__"))
        if _python(architecture) == _THIS_PYTHON:
            _compile(content)
        files = sorted(path for path in content.rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in files)
        if size > MAX_UNZIPPED_BYTES:
            raise ValueError(f"the bundle has {size:,} bytes unzipped, above {MAX_UNZIPPED_BYTES:,}; see _UNUSED")
        built = Path(folder) / target.name
        _zip(content, files, built)
        digest = hashlib.sha256(built.read_bytes()).hexdigest()
        built.replace(target)
    bundle = Bundle(target, digest, size)
    _record(architecture).write_text(json.dumps({**bundle._asdict(), "path": target.name, "inputs": _inputs()}))
    return bundle


def existing(architecture: Architecture = "arm64") -> Bundle:
    """Return the zip that was built from the sources and pins as they are now.

    Raises:
        BundleMissingError: it has to be built first.

    """
    advice = "Run `make bundle` first: it takes half a minute and needs the package index once."
    try:
        record: dict[str, Any] = json.loads(_record(architecture).read_text())
    except (OSError, ValueError):
        raise BundleMissingError(f"There is no Lambda bundle yet. {advice}") from None
    path = ROOT / "build" / record["path"]
    if record["inputs"] != _inputs() or not path.is_file():
        raise BundleMissingError(f"The sources or their pins changed since the Lambda bundle was built. {advice}")
    return Bundle(path, record["digest"], record["unzipped_bytes"])


def _install(content: Path, architecture: Architecture) -> None:
    # Certificates are those of the machine, as pip's are: a company's proxy is known to it and to nobody else.
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    options.append("--system-certs")
    platform = ["--python-platform", _PLATFORMS[architecture], "--python-version", _python(architecture)]
    command = [sys.executable, "-m", "uv", "pip", "install", *options, *platform, "--target", str(content)]
    subprocess.run([*command, "--requirement", str(PINS)], check=True)  # noqa: S603 - our own arguments


def _python(architecture: Architecture) -> str:
    # The zip of this machine's own architecture is there to be run here, by the Python that is here.
    return LAMBDA_PYTHON if architecture == "arm64" else _THIS_PYTHON


def _compile(content: Path) -> None:
    """Replace sources by bytecode: a cold start on a read-only disk would compile all of them, every time.

    Only the version that runs it can make it, so a zip built by another Python holds sources instead. Revisions of the
    database stay as they are, because alembic looks for sources.
    """
    options = ["-q", "-b", "--invalidation-mode", "unchecked-hash", "-s", str(content), "-p", "/var/task"]
    environment = {"PYTHONHASHSEED": "0"}  # the order of sets is part of the bytes
    command = [sys.executable, "-m", "compileall", *options, "-x", "/migrations/", str(content)]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own arguments
    for source in content.rglob("*.py"):
        if source.with_suffix(".pyc").is_file():
            source.unlink()


def _prune(content: Path) -> None:
    data = content / "botocore" / "data"
    services = [path for path in data.iterdir() if path.is_dir() and path.name not in _AWS_SERVICES]
    for path in (*services, *(found for pattern in _UNUSED for found in content.glob(pattern))):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _strip(library: Path) -> None:
    """Cut off what follows the segments of a shared library: symbols for debuggers, a fifth of the whole bundle.

    The loader reads program headers only. Layout: elf(5), 64 bits, little endian.
    """
    content = bytearray(library.read_bytes())
    if content[:6] != b"\x7fELF\x02\x01":
        return
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    end = headers + size * count
    for header in range(headers, end, size):
        (offset,), (length,) = (
            struct.unpack_from("<Q", content, header + 8),
            struct.unpack_from("<Q", content, header + 32),
        )
        end = max(end, offset + length)
    struct.pack_into("<Q", content, 40, 0)  # no section headers …
    struct.pack_into("<HHH", content, 58, 0, 0, 0)  # … of any size, number or names
    library.write_bytes(content[:end])


def _zip(content: Path, files: list[Path], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in files:
            # Times and permissions of this machine would change the bytes.
            entry = zipfile.ZipInfo(path.relative_to(content).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def _inputs() -> str:
    digest = hashlib.sha256()
    digest.update(_THIS_PYTHON.encode())
    for path in (PINS, Path(__file__), *_own_files()):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _own_files() -> Iterator[Path]:
    for source in _SOURCES:
        yield from sorted(path for path in (ROOT / source).rglob("*") if path.is_file() and path.suffix != ".pyc")


def _record(architecture: Architecture) -> Path:
    return ROOT / "build" / f"lambda-{architecture}.json"


def main() -> None:
    """Build what the command line names, arm64 unless told."""
    architecture: Architecture = "x86_64" if sys.argv[1:] == ["x86_64"] else "arm64"
    bundle = build(architecture)
    if _python(architecture) != _THIS_PYTHON:
        print(f"It holds sources, not bytecode: build it with Python {LAMBDA_PYTHON} to halve its cold starts.")  # noqa: T201
    print(f"{bundle.path.relative_to(ROOT)}  sha256 {bundle.digest}  {bundle.unzipped_bytes / 1e6:.1f} MB unzipped")  # noqa: T201


if __name__ == "__main__":
    main()
