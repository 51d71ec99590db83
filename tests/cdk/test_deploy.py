"""A real `cdk deploy` against a local AWS: `make deploy-check`.

All of development on Lambda, and the stacks of EKS that hold neither network nor cluster, as far as moto can make
their resources. What exists afterwards is asked through boto3: moto reports success for what it skipped.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from cdk.stages import DEVELOPMENT
from tests.cdk.local_aws import ASSETS, LocalAws, deployable, local_aws

ROOT = Path(__file__).parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
PREFIX = "payments-development"
ON_LAMBDA = ("security", "network", "database", "cache", "serverless", "observability")
ON_EKS = ("registry", "edge")
IN_THE_VPC = ("network", "database", "cache")
"""What moto can not delete: a VPC, and what stands in it."""

pytestmark = [
    pytest.mark.slow,
    # Moto warns of what it skips; what has to exist is asked for below.
    pytest.mark.filterwarnings("ignore:Tried to parse"),
]


@pytest.fixture(scope="module")
def aws():
    if "DEPLOY_CHECK" not in os.environ:
        pytest.skip("deploys for a minute or two: make deploy-check")
    with local_aws() as running:
        yield running


@pytest.fixture(scope="module")
def folders(assembly, tmp_path_factory):
    return {kind: tmp_path_factory.mktemp("deploy") / kind for kind in ("serverless", "eks")}


@pytest.fixture(scope="module")
def templates(assembly, folders):
    return {
        kind: deployable(assembly("development", kind).folder / "assembly", folder) for kind, folder in folders.items()
    }


def cdk(aws: LocalAws, folder: Path, command: str, areas: tuple[str, ...], *options: str) -> str:
    stacks = [f"{PREFIX}-{area}" for area in areas]
    done = subprocess.run(
        [str(CDK), "--app", str(folder), "--no-notices", command, "--exclusively", *options, *stacks],
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))},
            **aws.environment,
            "CI": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def deploy(aws: LocalAws, folders: dict[str, Path]) -> str:
    options = ("--require-approval=never", "--method=direct", "--progress=events")
    lambdas = cdk(aws, folders["serverless"], "deploy", ON_LAMBDA, *options)
    return lambdas + cdk(aws, folders["eks"], "deploy", ON_EKS, *options)


@pytest.fixture(scope="module")
def before(aws):
    return aws.holdings()


@pytest.fixture(scope="module")
def deployed(aws, folders, templates, before):
    deploy(aws, folders)
    return templates["serverless"] | {area: templates["eks"][area] for area in ON_EKS}


def test_moto_can_make_enough_of_it_to_be_worth_the_while(deployed):
    kinds = {each["Type"] for template in deployed.values() for each in template["Resources"].values()}
    assert {
        "AWS::EC2::VPC",
        "AWS::ECR::Repository",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    } <= kinds


def test_every_resource_of_every_stack_was_made(aws, deployed):
    cloudformation = aws.client("cloudformation")
    for area in (*ON_LAMBDA, *ON_EKS):
        (stack,) = cloudformation.describe_stacks(StackName=f"{PREFIX}-{area}")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE", area
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
        made = {each["LogicalResourceId"] for page in pages for each in page["StackResourceSummaries"]}
        assert made == deployed[area]["Resources"].keys(), area


def test_keys_exist_and_rotate(aws, deployed):
    kms = aws.client("kms")
    aliases = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    wanted = {f"alias/{PREFIX}-{name}" for name in ("data", "secrets", "vault", "logs")}
    assert wanted <= set(aliases)
    for alias in wanted:
        assert kms.get_key_rotation_status(KeyId=aliases[alias])["KeyRotationEnabled"] is True


def test_the_network_is_the_stages(aws, deployed):
    ec2 = aws.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.10.0.0/16"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert len(subnets) == 6
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {"eu-central-1a", "eu-central-1b"}
    assert ec2.describe_nat_gateways()["NatGateways"] == []


def test_private_subnets_go_out_through_the_machine_that_forwards(aws, deployed):
    ec2 = aws.client("ec2")
    (reserved,) = ec2.describe_instances()["Reservations"]
    (machine,) = reserved["Instances"]
    # The image that CloudFormation asked for by name, as moto knows AWS's images.
    (image,) = ec2.describe_images(ImageIds=[machine["ImageId"]])["Images"]
    assert (image["Name"].partition("-")[0], image["Architecture"]) == ("al2023", "arm64")
    tables = ec2.describe_route_tables()["RouteTables"]
    out = [route for table in tables for route in table["Routes"] if route.get("InstanceId") == machine["InstanceId"]]
    assert [route["DestinationCidrBlock"] for route in out] == ["0.0.0.0/0"] * 2


def test_functions_run_the_bundle_in_private_subnets_within_their_limits(aws, deployed):
    functions = aws.client("lambda")
    for name, reserved in (("platform", 20), ("worker", 2), ("migrate", 1)):
        found = functions.get_function(FunctionName=f"{PREFIX}-{name}")
        configuration = found["Configuration"]
        assert configuration["Runtime"] == "python3.13"
        assert found["Concurrency"]["ReservedConcurrentExecutions"] == reserved
        assert len(configuration["VpcConfig"]["SubnetIds"]) == 2


def test_the_workers_queue_feeds_it_and_has_somewhere_to_put_what_fails(aws, deployed):
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    attributes = {
        url.rpartition("/")[2]: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }
    (dead,) = [each for each in attributes.values() if "RedrivePolicy" not in each]
    (tasks,) = [each for each in attributes.values() if "RedrivePolicy" in each]
    assert json.loads(tasks["RedrivePolicy"])["deadLetterTargetArn"] == dead["QueueArn"]
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"] == tasks["QueueArn"]
    assert mapping["FunctionArn"].endswith(f"{PREFIX}-worker")


def test_roles_of_functions_name_what_they_may_touch(aws, deployed):
    iam, functions = aws.client("iam"), aws.client("lambda")
    for name in ("platform", "worker", "migrate"):
        role = functions.get_function(FunctionName=f"{PREFIX}-{name}")["Configuration"]["Role"].rpartition("/")[2]
        policies = [
            iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        assert policies, name
        for statement in (each for policy in policies for each in policy["Statement"]):
            assert "*" not in statement["Action"], name


def test_the_database_is_private_and_encrypted_with_our_key(aws, deployed):
    (database,) = aws.client("rds").describe_db_instances()["DBInstances"]
    assert (database["Engine"], database["EngineVersion"], database["DBInstanceClass"]) == (
        "postgres",
        "18.3",
        "db.t4g.micro",
    )
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    aliases = {
        a["TargetKeyId"]: a["AliasName"] for a in aws.client("kms").list_aliases()["Aliases"] if "TargetKeyId" in a
    }
    assert aliases[database["KmsKeyId"].rpartition("/")[2]] == f"alias/{PREFIX}-data"


def test_images_are_immutable(aws, deployed):
    found = aws.client("ecr").describe_repositories()["repositories"]
    assert {each["repositoryName"] for each in found} == {f"{PREFIX}/gateway", f"{PREFIX}/payments"}
    for each in found:
        assert each["imageTagMutability"] == "IMMUTABLE"


def test_the_load_balancers_logs_have_their_bucket(aws, deployed):
    s3 = aws.client("s3")
    (bucket,) = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} - {ASSETS}
    assert bucket == DEVELOPMENT.access_log_bucket
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_alarms_have_somewhere_to_go(aws, deployed):
    (topic,) = aws.client("sns").list_topics()["Topics"]
    attributes = aws.client("sns").get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    assert attributes["KmsMasterKeyId"]
    assert len(aws.client("cloudwatch").list_dashboards()["DashboardEntries"]) == 1


def test_a_second_deploy_changes_nothing(aws, folders, deployed):
    resources = aws.holdings()
    again = deploy(aws, folders)
    assert len(re.findall(r"\(no changes\)", again)) == len(ON_LAMBDA) + len(ON_EKS), again
    assert aws.holdings() == resources


def test_destroy_leaves_nothing(aws, folders, before, deployed):
    cloudformation = aws.client("cloudformation")
    kept = {
        each.get("PhysicalResourceId")
        for area in IN_THE_VPC
        for each in cloudformation.describe_stack_resources(StackName=f"{PREFIX}-{area}")["StackResources"]
    }
    cdk(aws, folders["eks"], "destroy", ON_EKS, "--force")
    gone = tuple(area for area in reversed(ON_LAMBDA) if area not in IN_THE_VPC)
    cdk(aws, folders["serverless"], "destroy", gone, "--force")
    left = {held for held in aws.holdings() - before if held.split()[-1] not in kept}
    # Moto's CloudFormation deletes no keys; without their aliases nobody finds them.
    assert {held for held in left if not held.startswith("key ")} == set()
    stacks = cloudformation.list_stacks()["StackSummaries"]
    assert {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"} == {
        f"{PREFIX}-{area}" for area in IN_THE_VPC
    }
