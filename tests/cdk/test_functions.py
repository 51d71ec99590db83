"""The two functions between CloudFront and the HTTP API, against mocked AWS."""

import importlib
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from cdk.functions import check_origin, rotate_origin

SECRET = "payments/staging/edge/origin"


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("ORIGIN_SECRET", SECRET)
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=SECRET, SecretString="first")
        importlib.reload(check_origin)
        yield client


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(secrets, monkeypatch):
    found = Clock()
    monkeypatch.setattr(check_origin, "time", SimpleNamespace(monotonic=lambda: found.now))
    return found


def asked(value: str | None) -> bool:
    headers = {} if value is None else {check_origin.HEADER: value}
    return check_origin.handler({"headers": headers}, None)["isAuthorized"]


def test_only_the_secret_comes_in(secrets):
    assert asked("first")
    assert not asked("other")
    assert not asked("")
    assert not asked(None)


def test_strangers_cause_a_read_a_second_at_most(secrets, clock, monkeypatch):
    read = Mock(wraps=check_origin._read)
    monkeypatch.setattr(check_origin, "_read", read)
    for reads in (1, 2):
        assert not any(asked(f"guess {number}") for number in range(100))
        assert read.call_count == reads
        clock.tick(2)


def test_who_is_known_comes_in_while_secrets_manager_is_away(secrets, clock, monkeypatch):
    assert asked("first")

    def away() -> list[str]:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    monkeypatch.setattr(check_origin, "_read", away)
    clock.tick(120)
    assert asked("first")
    assert not asked("other")
    monkeypatch.setattr(check_origin, "_known", (float("-inf"), []))
    with pytest.raises(EndpointConnectionError):
        asked("first")


def test_old_and_new_come_in_while_the_secret_rotates(secrets):
    secrets.put_secret_value(SecretId=SECRET, SecretString="second")
    assert asked("first")
    assert asked("second")
    secrets.put_secret_value(SecretId=SECRET, SecretString="third")
    importlib.reload(check_origin)
    assert not asked("first")


class Distribution:
    """CloudFront, of which moto does not update custom headers."""

    def __init__(self) -> None:
        self.header = {"HeaderName": rotate_origin.HEADER, "HeaderValue": "first"}
        self.status = "Deployed"

    def get_distribution_config(self, **_: str) -> dict[str, Any]:
        origin = {"CustomHeaders": {"Quantity": 1, "Items": [dict(self.header)]}}
        other = {"CustomHeaders": {"Quantity": 0}}
        return {"ETag": "E1", "DistributionConfig": {"Origins": {"Items": [other, origin]}}}

    def update_distribution(self, **asked: Any) -> None:
        assert asked["IfMatch"] == "E1"
        self.header = asked["DistributionConfig"]["Origins"]["Items"][1]["CustomHeaders"]["Items"][0]

    def get_distribution(self, **_: str) -> dict[str, dict[str, str]]:
        return {"Distribution": {"Status": self.status}}


@pytest.fixture
def distribution(secrets, monkeypatch):
    found = Distribution()
    clients = {"cloudfront": found, "secretsmanager": secrets}
    monkeypatch.setenv("DISTRIBUTION", "E123")
    monkeypatch.setattr("cdk.functions.rotate_origin.boto3.client", clients.__getitem__)
    monkeypatch.setattr("cdk.functions.check_origin.boto3.client", clients.__getitem__)
    return found


def step(name: str) -> None:
    token = "11111111-1111-1111-1111-111111111111"
    rotate_origin.handler({"SecretId": SECRET, "ClientRequestToken": token, "Step": name}, None)


def test_a_rotation_reaches_the_distribution_before_it_is_current(secrets, distribution, clock):
    assert asked("first")
    step("createSecret")
    step("createSecret")  # Secrets Manager may repeat any step
    pending = secrets.get_secret_value(SecretId=SECRET, VersionStage="AWSPENDING")["SecretString"]
    assert len(pending) == 48
    step("setSecret")
    assert distribution.header["HeaderValue"] == pending
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == "first"
    clock.tick(2)
    # At its first sight, although the values were read seconds ago: API Gateway would remember a no for minutes.
    assert asked(pending)
    assert asked("first")
    step("testSecret")
    step("finishSecret")
    assert secrets.get_secret_value(SecretId=SECRET, VersionStage="AWSCURRENT")["SecretString"] == pending


def test_a_rotation_waits_until_cloudfront_has_rolled_out(distribution):
    step("createSecret")
    distribution.status = "InProgress"
    with pytest.raises(rotate_origin.NotYetDeployedError):
        step("testSecret")


def test_a_rotation_waits_until_the_apis_region_has_the_new_value(secrets, distribution, monkeypatch):
    secrets.replicate_secret_to_regions(SecretId=SECRET, AddReplicaRegions=[{"Region": "eu-central-1"}])
    step("createSecret")
    describe = secrets.describe_secret

    def under_way(**words: str) -> Any:
        found = describe(**words)
        return {**found, "ReplicationStatus": [{**found["ReplicationStatus"][0], "Status": "InProgress"}]}

    monkeypatch.setattr(secrets, "describe_secret", under_way)
    with pytest.raises(rotate_origin.NotYetReplicatedError, match="eu-central-1"):
        step("setSecret")
    assert distribution.header["HeaderValue"] == "first"
    monkeypatch.setattr(secrets, "describe_secret", describe)
    step("setSecret")
    assert distribution.header["HeaderValue"] != "first"
