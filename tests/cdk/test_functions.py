"""The two functions between CloudFront and the HTTP API, against mocked AWS."""

import importlib
from typing import Any

import boto3
import pytest
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


def asked(value: str | None) -> bool:
    headers = {} if value is None else {check_origin.HEADER: value}
    return check_origin.handler({"headers": headers}, None)["isAuthorized"]


def test_only_the_secret_comes_in(secrets):
    assert asked("first")
    assert not asked("other")
    assert not asked("")
    assert not asked(None)


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


def test_a_rotation_reaches_the_distribution_before_it_is_current(secrets, distribution):
    step("createSecret")
    step("createSecret")  # Secrets Manager may repeat any step
    pending = secrets.get_secret_value(SecretId=SECRET, VersionStage="AWSPENDING")["SecretString"]
    assert len(pending) == 48
    step("setSecret")
    assert distribution.header["HeaderValue"] == pending
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == "first"
    assert asked("first")
    assert asked(pending)
    step("testSecret")
    step("finishSecret")
    assert secrets.get_secret_value(SecretId=SECRET, VersionStage="AWSCURRENT")["SecretString"] == pending


def test_a_rotation_waits_until_cloudfront_has_rolled_out(distribution):
    step("createSecret")
    distribution.status = "InProgress"
    with pytest.raises(rotate_origin.NotYetDeployedError):
        step("testSecret")
