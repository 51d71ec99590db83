"""A real `cdk deploy` against a local moto server: `make deploy-check`.

What exists afterwards is asked through boto3: moto reports success for types that it does not know. Of the stacks,
those that moto can hold are deployed: keys and network; it cannot delete the VPC.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.kms.models import Key
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
ACCOUNT = "123456789012"
REGION = "eu-central-1"

pytestmark = [
    pytest.mark.slow,
    # Moto warns of what it skips; what has to exist is asked for below.
    pytest.mark.filterwarnings("ignore:Tried to parse"),
]


@pytest.fixture(scope="module")
def aws():
    if "DEPLOY_CHECK" not in os.environ:
        pytest.skip("deploys for a minute or two: make deploy-check")
    create = Key.create_from_cloudformation_json

    def with_tags_of_kms(resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **more: Any) -> Key:
        """Moto hands CloudFormation's `Key` and `Value` to its KMS, which expects `TagKey` and `TagValue`."""
        properties = dict(cloudformation_json["Properties"])
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags", [])]
        return create(resource_name, {**cloudformation_json, "Properties": {**properties, "Tags": tags}}, *rest, **more)

    patch = pytest.MonkeyPatch()
    patch.setattr(Key, "create_from_cloudformation_json", with_tags_of_kms)
    server = ThreadedMotoServer(port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))},
        # Not the address: buckets become host names below it.
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "CI": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    server.stop()
    patch.undo()


@pytest.fixture(scope="module")
def assembly_folder(assembly, tmp_path_factory):
    """Return a copy of the assembly without custom resources: moto would wait for a function that cannot run here."""
    folder = tmp_path_factory.mktemp("deploy") / "assembly"
    shutil.copytree(assembly("development", "serverless").folder / "assembly", folder)
    for path in folder.glob("*.template.json"):
        template = json.loads(path.read_text())
        resources = template["Resources"]
        template["Resources"] = {name: r for name, r in resources.items() if not r["Type"].startswith("Custom::")}
        path.write_text(json.dumps(template))
    return folder


def cdk(aws, folder, *arguments: str) -> str:
    command = [str(CDK), "--app", str(folder), "--no-notices", *arguments]
    done = subprocess.run(command, env=aws, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def client(aws, service):
    return boto3.client(
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


DEPLOYED = ("payments-development-security", "payments-development-network")


def bootstrap(aws) -> None:
    """Make what `cdk bootstrap` makes, as far as a deployment looks at it: its change set is more than moto can do."""
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    client(aws, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    client(aws, "ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")


@pytest.fixture(scope="module")
def first_deploy(aws, assembly_folder):
    bootstrap(aws)
    options = ("--exclusively", "--require-approval=never", "--method=direct", "--progress=events")
    return cdk(aws, assembly_folder, "deploy", *options, *DEPLOYED)


def test_keys_exist_and_rotate(aws, first_deploy):
    kms = client(aws, "kms")
    aliases = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    wanted = {f"alias/payments-development-{name}" for name in ("data", "secrets", "vault", "logs")}
    assert wanted <= set(aliases)
    for alias in wanted:
        assert kms.get_key_rotation_status(KeyId=aliases[alias])["KeyRotationEnabled"] is True


def test_the_network_is_the_stages(aws, first_deploy):
    ec2 = client(aws, "ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.10.0.0/16"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert len(subnets) == 6
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {"eu-central-1a", "eu-central-1b"}
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1


def test_a_second_deploy_changes_nothing(aws, assembly_folder, first_deploy):
    options = ("--exclusively", "--require-approval=never", "--method=direct", "--progress=events")
    again = cdk(aws, assembly_folder, "deploy", *options, *DEPLOYED)
    assert len(re.findall(r"\(no changes\)", again)) == len(DEPLOYED), again


def test_destroy_leaves_no_stack_without_a_network(aws, assembly_folder, first_deploy):
    cdk(aws, assembly_folder, "destroy", "--force", "--exclusively", "payments-development-security")
    stacks = client(aws, "cloudformation").list_stacks()["StackSummaries"]
    left = {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"}
    assert "payments-development-security" not in left
