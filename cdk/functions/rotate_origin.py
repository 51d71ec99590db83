"""Rotation of the secret between CloudFront and the HTTP API, in the steps of Secrets Manager.

createSecret makes a value, setSecret waits until the stage's region has it too and puts it into the distribution's
header, testSecret waits until CloudFront has taken it everywhere, finishSecret makes it the current one. The authorizer
takes old and new in between.
"""

import os
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

HEADER = "x-origin-secret"


class NotYetDeployedError(Exception):
    """CloudFront still rolls the header out; Secrets Manager tries this step again."""


class NotYetReplicatedError(Exception):
    """The region of the HTTP API does not have the value yet, and would refuse it; this step is tried again."""


def handler(event: dict[str, str], _: object) -> None:
    """Do one step."""
    secret, version = event["SecretId"], event["ClientRequestToken"]
    steps = {"createSecret": _create, "setSecret": _set, "testSecret": _test, "finishSecret": _finish}
    steps[event["Step"]](boto3.client("secretsmanager"), secret, version)


def _create(client: "SecretsManagerClient", secret: str, version: str) -> None:
    try:
        client.get_secret_value(SecretId=secret, VersionId=version, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        value = client.get_random_password(PasswordLength=48, ExcludePunctuation=True)["RandomPassword"]
        client.put_secret_value(
            SecretId=secret, ClientRequestToken=version, SecretString=value, VersionStages=["AWSPENDING"]
        )


def _set(client: "SecretsManagerClient", secret: str, version: str) -> None:
    value = client.get_secret_value(SecretId=secret, VersionId=version, VersionStage="AWSPENDING")["SecretString"]
    replicas = client.describe_secret(SecretId=secret).get("ReplicationStatus", [])
    if waiting := [replica["Region"] for replica in replicas if replica["Status"] != "InSync"]:
        raise NotYetReplicatedError(waiting)
    cloudfront = boto3.client("cloudfront")
    found = cloudfront.get_distribution_config(Id=os.environ["DISTRIBUTION"])
    config = found["DistributionConfig"]
    for origin in config["Origins"]["Items"]:
        for header in origin["CustomHeaders"].get("Items", []):
            if header["HeaderName"] == HEADER:
                header["HeaderValue"] = value
    cloudfront.update_distribution(Id=os.environ["DISTRIBUTION"], IfMatch=found["ETag"], DistributionConfig=config)


def _test(_client: "SecretsManagerClient", _secret: str, _version: str) -> None:
    status = boto3.client("cloudfront").get_distribution(Id=os.environ["DISTRIBUTION"])["Distribution"]["Status"]
    if status != "Deployed":
        raise NotYetDeployedError(status)


def _finish(client: "SecretsManagerClient", secret: str, version: str) -> None:
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(known for known, stages in versions.items() if "AWSCURRENT" in stages)
    if current != version:
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current
        )
