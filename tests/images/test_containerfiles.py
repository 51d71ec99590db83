"""Rules for the Containerfiles. No engine runs here; what they would build is tested as files beside this."""

import json
import re
import shlex
from pathlib import Path

import pytest

from payments.devtools.images import NAMES

ROOT = Path(__file__).parents[2]


def instructions(name: str) -> list[tuple[str, str]]:
    """Each instruction as (word, arguments), lines joined."""
    text = (ROOT / "images" / f"{name}.Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


@pytest.fixture(params=NAMES)
def found(request):
    return instructions(request.param)


def of(found, word):
    return [rest for name, rest in found if name == word]


def test_bases_are_slim_and_pinned_by_digest(found):
    bases = [rest.partition(" AS ")[0] for rest in of(found, "FROM")]
    assert len(bases) == 2, "built in one stage, run in another"
    for base in bases:
        assert re.fullmatch(r"python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)


def test_the_process_is_nobody_in_particular(found):
    # The same user as in the manifests, by number: Kubernetes cannot tell whether a name is root.
    assert of(found, "USER") == ["10001:10001"]
    last = max(place for place, (word, _) in enumerate(found) if word in {"COPY", "RUN", "ADD"})
    assert [word for word, _ in found].index("USER") > last


def test_what_is_installed_is_what_was_pinned(found):
    (install,) = of(found, "RUN")
    for flag in ("--require-hashes", "--only-binary :all:", "--no-cache-dir"):
        assert flag in install
    assert "uninstall --yes pip" in install, "nobody installs anything at run time"


def test_nothing_is_run_or_fetched_in_the_final_stage(found):
    second = [place for place, (word, _) in enumerate(found) if word == "FROM"][1]
    assert not {"RUN", "ADD"} & {word for word, _ in found[second:]}


def test_commands_are_lists_so_that_signals_arrive(found):
    for word in ("ENTRYPOINT", "CMD"):
        (command,) = of(found, word)
        assert isinstance(json.loads(command), list)
    assert of(found, "STOPSIGNAL") == ["SIGTERM"]
    assert of(found, "HEALTHCHECK")


def test_no_secret_and_no_address_of_a_package_index(found):
    for word, rest in found:
        assert not re.search(r"(PASSWORD|TOKEN|SECRET)\s*=", rest), (word, rest)
        assert "--index-url" not in rest


def test_only_code_is_copied(found):
    copied = [shlex.split(rest) for rest in of(found, "COPY") if "--from" not in rest]
    sources = {source for *rest, _ in copied for source in rest}
    assert sources <= {"requirements/runtime.txt", "src/shared", "src/payments", "src/gateway", "migrations"}
    for source in sources:
        assert (ROOT / source).exists()
