"""A local AWS for `cdk deploy`: a moto server, and an assembly without what its CloudFormation does not know.

Moto skips such resources and reports success, and trips over references to them. So they are taken out beforehand, by
its own list; what is left has to be there afterwards.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.cloudformation.parsing import get_model_map
from moto.kms.models import Key
from moto.rds.models import DBParameterGroup
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"

Template = dict[str, Any]


class LocalAws:
    """A running server, with what `cdk bootstrap` makes as far as a deployment looks at it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client("s3").create_bucket(Bucket=ASSETS, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def holdings(self) -> set[str]:
        """Return everything that a stack without a network can leave behind."""
        return {f"{kind} {name}" for kind, names in self._by_kind() for name in names}

    def _by_kind(self) -> Iterator[tuple[str, list[str]]]:
        yield "function", [f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]]
        mappings = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        yield "event source", [mapping["UUID"] for mapping in mappings]
        yield "queue", self.client("sqs").list_queues().get("QueueUrls", [])
        yield "topic", [topic["TopicArn"] for topic in self.client("sns").list_topics()["Topics"]]
        yield "role", [role["RoleName"] for role in self.client("iam").list_roles()["Roles"]]
        yield "bucket", [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]
        repositories = self.client("ecr").describe_repositories()["repositories"]
        yield "repository", [repository["repositoryName"] for repository in repositories]
        yield "log group", [g["logGroupName"] for g in self.client("logs").describe_log_groups()["logGroups"]]
        dashboards = self.client("cloudwatch").list_dashboards()["DashboardEntries"]
        yield "dashboard", [dashboard["DashboardName"] for dashboard in dashboards]
        databases = self.client("rds").describe_db_instances()["DBInstances"]
        yield "database", [database["DBInstanceIdentifier"] for database in databases]
        groups = self.client("ec2").describe_security_groups()["SecurityGroups"]
        yield "security group", [group["GroupId"] for group in groups if group["GroupName"] != "default"]
        kms = self.client("kms")
        yield "key alias", [a["AliasName"] for a in kms.list_aliases()["Aliases"] if "alias/aws/" not in a["AliasName"]]
        keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        yield "key", [k["KeyId"] for k in keys if k["KeyState"] == "Enabled" and k["KeyManager"] == "CUSTOMER"]


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Start the server, with two of moto's mistakes mended."""
    create = Key.create_from_cloudformation_json

    def as_kms_wants_it(resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **more: Any) -> Key:
        """Moto's KMS wants the policy as text, and tags with `TagKey` and `TagValue`."""
        given = cloudformation_json["Properties"]
        properties = {
            **given,
            "KeyPolicy": json.dumps(given["KeyPolicy"]),
            "Tags": [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.get("Tags", [])],
        }
        return create(resource_name, {**cloudformation_json, "Properties": properties}, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Key, "create_from_cloudformation_json", as_kms_wants_it)
        # `Ref` of one is its name; moto gives the object.
        patch.setattr(DBParameterGroup, "physical_resource_id", property(lambda self: self.name), raising=False)
        server = ThreadedMotoServer(port=0)
        server.start()
        # Not the address: buckets become host names below it.
        yield LocalAws(f"http://localhost:{server.get_host_and_port()[1]}")
        server.stop()


def deployable(assembly: Path, folder: Path) -> dict[str, Template]:
    """Copy an assembly without what moto can not make; returns its templates by area."""
    shutil.copytree(assembly, folder)
    found = {}
    for path in folder.glob("*.template.json"):
        template = _without(json.loads(path.read_text()))
        path.write_text(json.dumps(template))
        found[path.name.removesuffix(".template.json").rpartition("-")[2]] = template
    return found


def _without(template: Template) -> Template:
    resources = template["Resources"]
    # CloudFormation would wait for the functions behind custom resources, which can not run here.
    gone = {name for name, each in resources.items() if each["Type"] not in get_model_map()}
    instead: dict[str, Any] = {
        # Who may call an alias, or is called through it, then may call the function.
        name: resources[name]["Properties"]["FunctionName"]
        for name in gone
        if resources[name]["Type"] == "AWS::Lambda::Alias"
    }

    def rewrite(value: Any) -> Any:
        match value:
            case {"Ref": name} if name in gone:
                return instead.get(name, f"left-out-{name}")
            case {"Fn::GetAtt": [name, _]} if name in gone:
                return f"arn:aws:left-out:{REGION}:{ACCOUNT}:{name}"
            case {"DependsOn": str() | list() as names, **rest}:
                kept = [name for name in ([names] if isinstance(names, str) else names) if name not in gone]
                return {**rewrite(rest), "DependsOn": kept}
            case dict():
                return {key: rewrite(each) for key, each in value.items()}
            case list():
                return [rewrite(each) for each in value]
            case _:
                return value

    kept = {name: each for name, each in resources.items() if name not in gone}
    rewritten: Template = rewrite({**template, "Resources": kept})
    return rewritten
