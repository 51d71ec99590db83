"""The files of both images, started as a cluster would start them: another user, a tree that nobody can write.

What is simulated: the tree is put together from the COPY lines of the Containerfiles, the installed packages are links
to those of this environment, restricted to the pins of requirements/runtime.txt, and permissions (as root: another
user) take the place of a read-only mount. What is not: the base image and the kernel's filters.
"""

import importlib.metadata
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
import pytest

from payments.devtools.keys import PEOPLE_AUDIENCE, PEOPLE_ISSUER, KeyFiles
from payments.devtools.ports import free_port
from payments.devtools.privileges import passing_closed_folders, server_account
from tests.images.test_containerfiles import ROOT, instructions, of

_START_SECONDS = 60.0


def runtime_packages(folder: Path) -> None:
    """Link what requirements/runtime.txt installs, and nothing else."""
    folder.mkdir()
    pins = re.findall(
        r"^([\w.-]+)(?:\[[\w,-]+\])?==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE
    )
    assert len(pins) > 40
    for pin in pins:
        try:
            files = importlib.metadata.distribution(pin).files or []
        except importlib.metadata.PackageNotFoundError:
            continue  # a pin for another platform
        for name in {file.parts[0] for file in files if not file.parts[0].startswith("..")} - {"__pycache__"}:
            target = folder / name
            if not target.exists():
                target.symlink_to(str(importlib.metadata.distribution(pin).locate_file(name)))


class Image:
    """The files of one image below a folder, and the processes started from them."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        for line in of(instructions(name), "COPY"):
            if "--from" in line or line.startswith("requirements"):
                continue
            source, target = line.split()
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, root / target.lstrip("/"), ignore=ignored)
        runtime_packages(root / "site")
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() else 0o444)

    def start(self, *arguments: str, log: Path, **settings: str) -> subprocess.Popen[bytes]:
        """`python -m …`, as the entry point says, with nothing but its settings in the environment."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{self.root}/app/src:{self.root}/site",
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        }
        # -S: the packages of this environment, beyond the links, do not exist.
        command = [sys.executable, "-S", "-m", *arguments]
        if (account := server_account()) is not None:
            # Another user, who may look past the closed folders that this Python may be in, and write nowhere.
            command = passing_closed_folders(account, command, signal.SIGKILL)
        with log.open("wb") as output:
            return subprocess.Popen(command, cwd=self.root / "app", env=environment, stdout=output, stderr=output)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  ours, on loopback
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def place():
    """A folder that any user may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="payments-image-"))
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def keys(place):
    found = KeyFiles(place / "keys")
    found.create()
    for path in (place / "keys").rglob("*"):
        path.chmod(0o444)
    (place / "keys").chmod(0o555)
    return found


@pytest.fixture(scope="module")
def platform(place, keys, database, redis_url):
    """Both services from their images' files: the URL of the gateway, the process of payments, the keys."""
    payments, gateway = (Image(name, place / name) for name in ("payments", "gateway"))
    urls = {name: f"http://127.0.0.1:{free_port()}" for name in ("payments", "gateway")}
    settings = {
        "payments": {
            "PAYMENTS_DATABASE_URL": database.url,
            "PAYMENTS_REDIS_URL": redis_url,
            "PAYMENTS_IDENTITY_JWKS_FILE": str(keys.identity_jwks),
            "PAYMENTS_KEYRING_FILE": str(keys.keyring),
            "PAYMENTS_VAULT_KEY_FILE": str(keys.vault),
        },
        "gateway": {
            "GATEWAY_PAYMENTS_URL": urls["payments"],
            "GATEWAY_IDENTITY_KEY_FILE": str(keys.identity),
            "GATEWAY_PEOPLE_JWKS_FILE": str(keys.people_jwks),
            "GATEWAY_PEOPLE_ISSUER": PEOPLE_ISSUER,
            "GATEWAY_PEOPLE_AUDIENCE": PEOPLE_AUDIENCE,
        },
    }
    waited = payments.start("payments", "migrate", "--wait", log=place / "wait.log", **settings["payments"])
    assert waited.wait(60) == 0, (place / "wait.log").read_text()
    processes = {}
    try:
        for image in (payments, gateway):
            port = urls[image.name].rpartition(":")[2]
            arguments = json.loads(of(instructions(image.name), "CMD")[0])[:2]
            log = place / f"{image.name}.log"
            processes[image.name] = image.start(*arguments, "--port", port, log=log, **settings[image.name])
            wait_for(f"{urls[image.name]}/health/live", processes[image.name], log)
        yield urls["gateway"], processes, place
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def client(platform, keys):
    """A merchant's client, made by an administrator."""
    url, _, _ = platform
    with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {keys.admin_token()}"}, timeout=30) as admin:
        body = {
            "name": "Books",
            "country": "DE",
            "category_code": "5942",
            "settlement_currency": "EUR",
            "fee": {"basis_points": 0, "fixed": 0},
            "fraud": {"review_threshold": 101, "decline_threshold": 101, "fallback_policy": "approve"},
        }
        merchant = admin.post("/v1/merchants", json=body)
        assert merchant.status_code == 201, merchant.text
        made = admin.post(f"/v1/merchants/{merchant.json()['id']}/api_keys", json={"livemode": False, "name": "test"})
        assert made.status_code == 201, made.text
    headers = {"authorization": f"Bearer {made.json()['secret']}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=30) as merchant_client:
        yield merchant_client


def pay(client, card, key=None):
    return client.post(
        "/v1/payments",
        json={"amount": 2500, "currency": "EUR", "payment_method": card},
        headers={"idempotency-key": key or uuid4().hex},
    )


@pytest.fixture(scope="module")
def card(client):
    body = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    made = client.post("/v1/payment_methods", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_a_payment_is_served(client, card):
    paid = pay(client, card)
    assert (paid.status_code, paid.json()["status"]) == (201, "captured"), paid.text


def test_nothing_was_written_to_the_tree(platform, client, card):
    _, _, place = platform
    pay(client, card)
    written = [path for name in ("payments", "gateway") for path in (place / name).rglob("__pycache__")]
    assert [path for path in written if not path.is_symlink() and "site" not in path.parts] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's process")
def test_the_processes_are_nobodys(platform):
    _, processes, _ = platform
    for process in processes.values():
        assert Path(f"/proc/{process.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_the_gateways_image_has_no_payments(platform):
    _, _, place = platform
    assert not (place / "gateway" / "app" / "src" / "payments").exists()


def test_sigterm_under_load_loses_no_payment(platform, client, card, database):
    """Clients keep paying while payments is told to go: whoever was answered was answered, whoever was not repeats."""
    url, processes, _ = platform
    answers: dict[str, int] = {}
    enough = threading.Event()
    stopped = threading.Event()

    def load() -> None:
        with httpx2.Client(base_url=url, headers=dict(client.headers), timeout=30) as own:
            while not stopped.is_set():
                key = uuid4().hex
                answers[key] = pay(own, card, key).status_code
                if len(answers) > 40:
                    enough.set()

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(60)
        processes["payments"].terminate()
        # uvicorn finishes, then ends by the signal that it was sent.
        assert processes["payments"].wait(60) in (0, -signal.SIGTERM)
    finally:
        stopped.set()
        for thread in threads:
            thread.join(60)
    told = [key for key, status in answers.items() if status == 201]
    # Nothing in between: an answer is a payment, or says that nothing happened because nobody listens any more.
    assert set(answers.values()) <= {201, 502, 503}
    assert len(told) > 40
    # Every payment that somebody was told of is there, once.
    query = "SELECT idempotency_key FROM payments.payments WHERE idempotency_key = ANY(%s)"
    with psycopg.connect(database.owner_url) as connection:
        there = [key for (key,) in connection.execute(query, [told])]
    assert sorted(there) == sorted(told)
