"""The whole platform of one working copy: its parts, how they find each other, in which order they run."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from payments.devtools import state as states
from payments.devtools.console import Console
from payments.devtools.issuer import CLIENT_ID, serving
from payments.devtools.keys import PEOPLE_AUDIENCE, KeyFiles
from payments.devtools.migrate import migrate
from payments.devtools.ports import LOOPBACK, RANGE, free_port, free_ports
from payments.devtools.seed import DemoMerchant, seed
from payments.devtools.servers import APP, OWNER, Postgres, Valkey
from payments.devtools.services import HttpService, Service
from payments.devtools.state import State
from payments.devtools.supervisor import Supervisor
from payments.devtools.workspace import Workspace

_DATABASE = "payments"
QUOTA = "1000000/10"


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: how to reach it, its first merchant, and who looks after it."""

    state: State
    merchant: DemoMerchant
    supervisor: Supervisor


@contextmanager
def running_platform(workspace: Workspace, console: Console) -> Iterator[Platform]:
    """Start everything, publish `state.json`, and stop everything at the end of the `with` block.

    Started: the issuer of people's tokens, PostgreSQL, Valkey, (migrations), worker, payments, gateway, (demo
    merchants); stopped the other way round.

    Raises:
        ToolError: it did not start; whatever did has been stopped again.
    """
    with workspace.claim():
        states.withdraw(workspace)  # of a platform that was killed
        keys = KeyFiles(workspace.keys)
        keys.create()
        gateway_port, issuer_port = (free_port(port) for port in _usual_ports(workspace))
        redirect_uri = f"http://{LOOPBACK}:{gateway_port}/console"
        with serving(keys, issuer_port, redirect_uri), Supervisor(console) as supervisor:
            try:
                platform = _start(workspace, supervisor, console, keys, gateway_port)
                states.publish(workspace, platform.state)
                yield platform
            finally:
                states.withdraw(workspace)


def _start(
    workspace: Workspace, supervisor: Supervisor, console: Console, keys: KeyFiles, gateway_port: int
) -> Platform:
    postgres, valkey = Postgres(workspace.postgres), Valkey(workspace.valkey)
    supervisor.start(postgres)
    supervisor.start(valkey)
    postgres.create_database(_DATABASE)
    console.line("platform", "bringing the database up to date")
    migrate(postgres.url(OWNER, _DATABASE))

    database_url = postgres.url(APP, _DATABASE)
    settings = _payments_settings(keys, database_url, valkey.url)
    payments_port, *metrics_ports = free_ports(4)
    metrics = dict(zip(("gateway", "payments", "worker"), metrics_ports, strict=True))
    payments = HttpService(
        "payments",
        "payments.main:app_factory",
        port=payments_port,
        environment=settings | _port("PAYMENTS", metrics["payments"]),
    )
    gateway = HttpService(
        "gateway",
        "gateway.main:app_factory",
        port=gateway_port,
        environment=_gateway_settings(keys, payments.url, valkey.url) | _port("GATEWAY", metrics["gateway"]),
    )
    worker = Service("worker", "payments", "worker", environment=settings | _port("PAYMENTS", metrics["worker"]))
    for service in (worker, payments, gateway):
        supervisor.start(service)

    admin_token = keys.admin_token()
    first, second = seed(workspace, gateway.url, admin_token)
    state = State(
        gateway_url=gateway.url,
        console_url=f"{gateway.url}/console",
        payments_url=payments.url,
        api_key=first.api_key,
        merchant_id=first.id,
        second_api_key=second.api_key,
        second_merchant_id=second.id,
        admin_token=admin_token,
        database_url=database_url,
        redis_url=valkey.url,
        **{f"{name}_metrics_url": f"http://{LOOPBACK}:{port}/metrics" for name, port in metrics.items()},
    )
    return Platform(state, first, supervisor)


def _port(prefix: str, port: int) -> dict[str, str]:
    return {f"{prefix}_METRICS_PORT": str(port)}


def _payments_settings(keys: KeyFiles, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "PAYMENTS_ENVIRONMENT": "development",
        "PAYMENTS_DATABASE_URL": database_url,
        "PAYMENTS_REDIS_URL": redis_url,
        "PAYMENTS_IDENTITY_JWKS_FILE": str(keys.identity_jwks),
        "PAYMENTS_KEYRING_FILE": str(keys.keyring),
        "PAYMENTS_VAULT_KEY_FILE": str(keys.vault),
        "PAYMENTS_WEBHOOK_ALLOW_LOOPBACK": "true",
    }


def _gateway_settings(keys: KeyFiles, payments_url: str, redis_url: str) -> dict[str, str]:
    return {
        "GATEWAY_PAYMENTS_URL": payments_url,
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_IDENTITY_KEY_FILE": str(keys.identity),
        "GATEWAY_PEOPLE_JWKS_FILE": str(keys.people_jwks),
        "GATEWAY_PEOPLE_ISSUER": keys.issuer,
        "GATEWAY_PEOPLE_AUDIENCE": PEOPLE_AUDIENCE,
        "GATEWAY_CONSOLE_CLIENT_ID": CLIENT_ID,
        # On a laptop, load is made on purpose. It is counted as everywhere, against quotas that nothing here reaches.
        "GATEWAY_WRITE_LIMIT": QUOTA,
        "GATEWAY_READ_LIMIT": QUOTA,
        "GATEWAY_ADMIN_LIMIT": QUOTA,
        "GATEWAY_UNAUTHENTICATED_LIMIT": QUOTA,
    }


def _usual_ports(workspace: Workspace) -> tuple[int, int]:
    """What this working copy's gateway and issuer get whenever they are free: yesterday's commands work again."""
    first = zlib.crc32(bytes(workspace.folder))
    return RANGE[first % len(RANGE)], RANGE[(first + 1) % len(RANGE)]
