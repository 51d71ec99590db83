"""What pods are told is what the services understand, and everything they need is there."""

from dataclasses import replace

import pytest

import gateway.settings
import payments.settings
from cdk.stage_parts import Console
from cdk.stages import PRODUCTION
from manifests import gateway as gateway_manifest

# Read by libraries and by the settings themselves, not fields of theirs.
ELSEWHERE = {"AWS_REGION", "PAYMENTS_SECRETS_DIR", "GATEWAY_SECRETS_DIR"}


@pytest.fixture
def found(manifests):
    return {(one.key.kind, one.key.name): one.body for one in manifests}


def told(found, name):
    """The settings of a workload: from its ConfigMap, and from the files of its secrets."""
    pod = found["Deployment", name]["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
    secrets = [source["secret"]["name"] for source in volume["projected"]["sources"]]
    files = [
        file for secret in secrets for file in found["ExternalSecret", secret]["spec"]["target"]["template"]["data"]
    ]
    return found["ConfigMap", name]["data"], files


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gateway", gateway.settings.Settings),
        ("payments", payments.settings.Settings),
        ("worker", payments.settings.Settings),
    ],
)
def test_settings(found, name, settings, tmp_path, monkeypatch):
    prefix = settings.model_config["env_prefix"]
    data, files = told(found, name)
    known = {f"{prefix}{field}".upper() for field in settings.model_fields}
    assert data.keys() - ELSEWHERE <= known
    # Every file is either a setting, or is named by one.
    folder = data[f"{prefix}SECRETS_DIR"]
    named = {value.removeprefix(f"{folder}/") for value in data.values() if value.startswith(f"{folder}/")}
    as_settings = {file for file in files if file.upper() in known}
    assert named <= set(files)
    assert set(files) == named | as_settings
    # And together they are enough to start.
    for file in files:
        (tmp_path / file).write_text("postgresql://db/payments" if "url" in file else "issuer")
    for variable, value in data.items():
        monkeypatch.setenv(variable, value.replace(folder, str(tmp_path)))
    assert settings().environment in {"development", "staging", "production"}


def test_the_console_is_there_where_a_stage_has_one():
    told = gateway_manifest.settings(replace(PRODUCTION, console=Console(client_id="c", scope="openid api")))
    console = {name: value for name, value in told.items() if "CONSOLE" in name}
    assert console == {"GATEWAY_CONSOLE_CLIENT_ID": "c", "GATEWAY_CONSOLE_SCOPE": "openid api"}
    assert console.items().isdisjoint(gateway_manifest.settings(PRODUCTION).items())


def test_the_migration_has_the_owners_url_and_nothing_else(found):
    (job,) = [body for (kind, _), body in found.items() if kind == "Job"]
    volume = job["spec"]["template"]["spec"]["volumes"][1]
    (source,) = volume["projected"]["sources"]
    data = found["ExternalSecret", source["secret"]["name"]]["spec"]["target"]["template"]["data"]
    assert list(data) == ["payments_owner_database_url"]
    for name in ("gateway", "payments", "worker"):
        assert "payments_owner_database_url" not in told(found, name)[1]
