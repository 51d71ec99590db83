"""Secrets on Lambda: files like those of pods, and database credentials that rotate while an environment lives."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
import time_machine
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict

from cdk.stacks.function_environment import function_environment
from cdk.stage_parts import Console
from cdk.stages import DEVELOPMENT
from gateway.settings import Settings as GatewaySettings
from payments.credentials import connection_info
from payments.settings import OwnerSettings, Settings
from shared.lambda_secrets import write_secret_files


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        parameters.clear_caches()
        monkeypatch.setattr("aws_lambda_powertools.utilities.parameters.base.DEFAULT_PROVIDERS", {})
        yield boto3.client("secretsmanager")


def test_files_hold_properties_of_secrets(secrets, tmp_path, monkeypatch):
    secrets.create_secret(Name="payments/x/cache", SecretString=json.dumps({"token": "a/b:c@d"}))
    secrets.create_secret(Name="payments/x/keyring", SecretString=json.dumps({"keyring": '{"active": "k1"}'}))
    wanted = {
        "keyring.json": "{payments/x/keyring#keyring}",
        "payments_redis_url": "rediss://:{payments/x/cache#token}@cache.example:6379/0",
    }
    monkeypatch.setenv("SECRET_FILES", json.dumps(wanted))
    folder = tmp_path / "secrets"
    for _ in range(2):  # an environment may start twice with the same disk
        write_secret_files(folder)
    assert (folder / "keyring.json").read_text() == '{"active": "k1"}'
    assert (folder / "payments_redis_url").read_text() == "rediss://:a%2Fb%3Ac%40d@cache.example:6379/0"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_secret_that_nobody_filled_is_named(secrets, tmp_path, monkeypatch):
    secrets.create_secret(Name="payments/x/keyring", SecretString="{}")
    monkeypatch.setenv("SECRET_FILES", json.dumps({"keyring.json": "{payments/x/keyring#keyring}"}))
    with pytest.raises(LookupError, match="payments/x/keyring has no property keyring"):
        write_secret_files(tmp_path / "secrets")


def test_credentials_rotate_while_an_environment_lives(secrets):
    name = "payments/x/database/app"
    secrets.create_secret(Name=name, SecretString=json.dumps({"username": "app_a", "password": "one"}))
    info = connection_info("postgresql://db.example/payments", credentials_secret=name)
    assert "user=app_a password=one" in info()
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps({"username": "app_b", "password": "two"}))
    assert "user=app_a" in info()  # remembered for a minute; the previous user goes on working for days
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        assert "user=app_b password=two" in info()


@pytest.mark.parametrize(
    ("url", "roots"),
    [
        ("postgresql://db.example/payments?sslmode=verify-full", "rds-roots.pem"),
        ("postgresql://db.example/payments?sslmode=verify-full&sslrootcert=/mine.pem", "mine.pem"),
        ("postgresql://127.0.0.1/payments", None),
    ],
)
def test_a_checked_connection_trusts_amazons_roots(url, roots):
    found = conninfo_to_dict(connection_info(url)()).get("sslrootcert")
    assert (found and Path(str(found)).name) == roots
    assert found is None or roots == "mine.pem" or Path(str(found)).read_text().count("BEGIN CERTIFICATE") > 80


@pytest.mark.parametrize("service", ["platform", "worker"])
def test_functions_are_told_all_that_the_services_ask_for(secrets, tmp_path, monkeypatch, service):
    stage, folder = replace(DEVELOPMENT, console=Console(client_id="console")), tmp_path / "secrets"
    monkeypatch.setattr("cdk.stacks.function_environment._FOLDER", str(folder))
    services = ("gateway", "payments") if service == "platform" else (service,)
    names = sorted({name for one in services for name in stage.secrets[one]})
    for name in names:
        keys = [
            "username",
            "password",
            "token",
            *(key for secret, key in stage.secret_files.values() if secret == name),
        ]
        values = dict.fromkeys(keys, "value") | {"people_issuer": "https://login.example"}
        secrets.create_secret(Name=stage.secret(name), SecretString=json.dumps(values))
    told = function_environment(
        stage, service, names, database="db.example", cache="cache.example", vault_key="alias/x"
    )
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    write_secret_files(folder)
    settings = Settings()
    assert settings.redis_url == "rediss://:value@cache.example:6379/0"
    assert settings.keyring_file.read_text() == "value"
    assert settings.identity_jwks_file.read_text() == "value"
    assert conninfo_to_dict(settings.connection_info()())["user"] == "value"
    if service == "platform":
        gateway = GatewaySettings()
        assert gateway.identity_key_file.read_text() == "value"
        assert gateway.people_issuer == "https://login.example"
        assert (gateway.console_client_id, gateway.console_scope) == ("console", "openid")


def test_the_migration_is_told_the_owner(secrets, tmp_path, monkeypatch):
    stage = DEVELOPMENT
    for name in stage.secrets["migrate"]:
        body = json.dumps({"username": "owner", "password": "p@ss"})
        secrets.create_secret(Name=stage.secret(name), SecretString=body)
    monkeypatch.setattr("cdk.stacks.function_environment._FOLDER", str(tmp_path / "secrets"))
    names = [*stage.secrets["migrate"]]
    told = function_environment(stage, "migrate", names, database="db.example", cache="cache.example", vault_key="x")
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    write_secret_files(tmp_path / "secrets")
    url = OwnerSettings().owner_database_url
    assert url == "postgresql://owner:p%40ss@db.example:5432/payments?sslmode=verify-full"
