"""What the templates promise: least privilege, named peers, private data, everything encrypted."""

import json
import re
from ipaddress import IPv4Network

import pytest

from cdk.functions.check_origin import HEADER
from cdk.stages import STAGES, stage_named
from tests.cdk.conftest import COMBINATIONS

# Services whose actions cannot be limited to a resource appear with "*" as resource; no statement has "*" as action.
_WILDCARD_ACTION = re.compile(r"^(\*|[a-z0-9-]+:\*)$")


def statements(assembly):
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"):
        for name, resource in assembly.resources(kind).items():
            properties = resource["Properties"]
            documents = [properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")]
            documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            for document in filter(None, documents):
                yield from ((name, statement) for statement in document["Statement"])


def listed(value):
    return value if isinstance(value, list) else [value]


def test_no_policy_allows_every_action(any_assembly):
    found = [
        (name, action)
        for name, statement in statements(any_assembly)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if _WILDCARD_ACTION.match(action)
    ]
    assert found == []


def test_no_service_may_read_anothers_secrets(assembly):
    policies = assembly("production", "serverless").resources("AWS::IAM::Policy", "serverless")
    worker = json.dumps(next(policy for name, policy in policies.items() if "Worker" in name))
    migrate = json.dumps(next(policy for name, policy in policies.items() if "Migrate" in name))
    assert "database/owner" not in worker
    assert "database/app-" in worker
    assert "keyring" not in migrate


def test_pods_of_the_gateway_have_no_rights_in_aws(assembly):
    policies = assembly("production", "eks").resources("AWS::IAM::Policy", "identity")
    assert [name for name in policies if "gateway" in name or "migrate" in name] == []


def test_data_stores_are_reached_through_named_groups_only(any_assembly):
    for area in ("database", "cache"):
        template = any_assembly.templates[area]["Resources"]
        groups = [r for r in template.values() if r["Type"] == "AWS::EC2::SecurityGroup"]
        assert groups
        for group in groups:
            # Inline rules are addresses; peers are groups.
            assert "SecurityGroupIngress" not in group["Properties"]
    rules = any_assembly.resources("AWS::EC2::SecurityGroupIngress")
    assert rules
    for name, rule in rules.items():
        assert "SourceSecurityGroupId" in rule["Properties"], name
        assert rule["Properties"]["IpProtocol"] == "tcp", name


def test_no_data_is_public(any_assembly):
    for name, instance in any_assembly.resources("AWS::RDS::DBInstance").items():
        assert instance["Properties"]["PubliclyAccessible"] is False, name
    for name, bucket in any_assembly.resources("AWS::S3::Bucket").items():
        block = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}, name
    subnets = any_assembly.resources("AWS::RDS::DBSubnetGroup") | any_assembly.resources(
        "AWS::ElastiCache::SubnetGroup"
    )
    assert len(subnets) >= 2
    assert all("isolated" in json.dumps(group) for group in subnets.values())


def test_everything_is_encrypted_with_keys_of_ours(any_assembly):
    keys = {
        "AWS::RDS::DBInstance": "KmsKeyId",
        "AWS::ElastiCache::ReplicationGroup": "KmsKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::Backup::BackupVault": "EncryptionKeyArn",
        "AWS::Logs::LogGroup": "KmsKeyId",
    }
    for kind, key in keys.items():
        for name, resource in any_assembly.resources(kind).items():
            replica = "SourceDBInstanceIdentifier" in resource["Properties"]
            assert key in resource["Properties"] or replica, name
    for name, key in any_assembly.resources("AWS::KMS::Key").items():
        assert key["Properties"]["EnableKeyRotation"] is True, name
    for name, volume in any_assembly.resources("AWS::EC2::LaunchTemplate").items():
        devices = volume["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]
        assert all(device["Ebs"]["Encrypted"] and device["Ebs"]["KmsKeyId"] for device in devices), name


def test_logs_are_kept_as_long_as_the_stage_says(any_assembly):
    groups = any_assembly.resources("AWS::Logs::LogGroup")
    names = json.dumps([group["Properties"].get("LogGroupName") for group in groups.values()])
    # What EKS writes about the cluster would else be kept for ever.
    assert any_assembly.compute != "eks" or f"/aws/eks/payments-{any_assembly.stage}/cluster" in names
    wanted = stage_named(any_assembly.stage).observability.log_days
    for name, group in groups.items():
        kept = 365 if name.startswith("security/TrailLog") else wanted
        assert group["Properties"]["RetentionInDays"] == kept, name


def test_a_replica_is_not_told_to_encrypt(assembly):
    # RDS refuses StorageEncrypted on a replica in the same region: it has its source's.
    replicas = [
        instance["Properties"]
        for instance in assembly("production", "eks").resources("AWS::RDS::DBInstance").values()
        if "SourceDBInstanceIdentifier" in instance["Properties"]
    ]
    assert len(replicas) == 1
    assert "StorageEncrypted" not in replicas[0]
    assert "KmsKeyId" not in replicas[0]


def test_tls_is_forced_on_both_data_stores(any_assembly):
    (parameters,) = any_assembly.resources("AWS::RDS::DBParameterGroup").values()
    stage = stage_named(any_assembly.stage)
    assert parameters["Properties"]["Parameters"]["rds.force_ssl"] == "1"
    assert parameters["Properties"]["Parameters"]["max_connections"] == str(stage.database.max_connections)
    (cache,) = any_assembly.resources("AWS::ElastiCache::ReplicationGroup").values()
    assert cache["Properties"]["TransitEncryptionEnabled"] is True
    assert cache["Properties"]["TransitEncryptionMode"] == "required"


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_subnets_are_where_the_manifests_think_they_are(assembly, stage):
    subnets = assembly(stage.name, stage.compute).resources("AWS::EC2::Subnet", "network")
    for kind in ("private", "public", "isolated"):
        cidrs = [s["Properties"]["CidrBlock"] for name, s in sorted(subnets.items()) if f"Vpc{kind}" in name]
        zones = [s["Properties"]["AvailabilityZone"] for name, s in sorted(subnets.items()) if f"Vpc{kind}" in name]
        assert [IPv4Network(cidr) for cidr in cidrs] == list(stage.network.subnets(kind))
        assert zones == list(stage.zones)


def test_a_machine_that_forwards_is_no_way_in(assembly):
    deployed = assembly("development", "serverless")
    (machine,) = [each["Properties"] for each in deployed.resources("AWS::EC2::Instance").values()]
    # Without the first it would drop what is not for itself, without the second answers would not find it.
    assert machine["SourceDestCheck"] is False
    (interface,) = machine["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is True
    assert "publicSubnet1" in json.dumps(interface["SubnetId"])
    assert machine["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert all(disk["Ebs"]["Encrypted"] and disk["Ebs"]["KmsKeyId"] for disk in machine["BlockDeviceMappings"])
    # CloudFormation asks AWS for the newest image of Amazon Linux, at each deployment.
    image = deployed.templates["network"]["Parameters"][machine["ImageId"]["Ref"]]
    assert image["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert re.fullmatch(r"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-[\d.]+-arm64", image["Default"])
    assert "MASQUERADE" in machine["UserData"]["Fn::Base64"]
    (group,) = [
        each["Properties"]
        for name, each in deployed.resources("AWS::EC2::SecurityGroup", "network").items()
        if name.split("/")[1] == interface["GroupSet"][0]["Fn::GetAtt"][0]
    ]
    private = {str(cidr) for cidr in stage_named("development").network.subnets("private")}
    assert {(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupIngress"]} == {
        (cidr, 443, 443) for cidr in private
    }
    assert {(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]} == {
        ("0.0.0.0/0", 443, 443)
    }


def test_every_private_subnet_has_a_way_out_and_no_isolated_one(any_assembly):
    template = any_assembly.templates["network"]["Resources"]
    routes = {
        name: route["Properties"].get("NatGatewayId") or route["Properties"].get("InstanceId")
        for name, route in template.items()
        if route["Type"] == "AWS::EC2::Route" and "public" not in name
    }
    stage = stage_named(any_assembly.stage)
    assert len(routes) == len(stage.zones)
    assert all(name.startswith("Vpcprivate") and via for name, via in routes.items())
    assert len({via["Ref"] for via in routes.values()}) == stage.network.nat_gateways


def test_data_survives_a_destroyed_stack_where_it_matters(any_assembly):
    policies = {
        resource["DeletionPolicy"]
        for kind in ("AWS::RDS::DBInstance", "AWS::ElastiCache::ReplicationGroup", "AWS::KMS::Key")
        for name, resource in any_assembly.resources(kind).items()
        if "Replica7" not in name and "SourceDBInstanceIdentifier" not in resource["Properties"]
    }
    expected = {"Delete"} if any_assembly.stage == "development" else {"Retain", "Snapshot"}
    assert policies == expected


def test_only_development_can_be_destroyed_without_asking(any_assembly):
    manifest = json.loads((any_assembly.folder / "assembly" / "manifest.json").read_text())
    stacks = {
        name: each["properties"].get("terminationProtection", False)
        for name, each in manifest["artifacts"].items()
        if each["type"] == "aws:cloudformation:stack"
    }
    assert len(stacks) == len(any_assembly.templates)
    protected = any_assembly.stage != "development"
    assert set(stacks.values()) == {protected}
    databases = any_assembly.resources("AWS::RDS::DBInstance").values()
    assert {each["Properties"]["DeletionProtection"] for each in databases} == {protected}
    # Buckets and repositories can be deleted only when they are empty: in development somebody empties them.
    emptied = any_assembly.resources("Custom::S3AutoDeleteObjects")
    assert len(emptied) == (0 if protected else len(any_assembly.resources("AWS::S3::Bucket")))
    for name, repository in any_assembly.resources("AWS::ECR::Repository").items():
        assert repository["Properties"].get("EmptyOnDelete", False) is not protected, name


def test_destroying_development_leaves_only_what_the_account_shares(assembly):
    kept = [
        resource["Type"]
        for compute in ("serverless", "eks")
        for template in assembly("development", compute).templates.values()
        for resource in template["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert kept == ["AWS::IAM::OIDCProvider"]


def test_what_cannot_be_made_again_outlives_its_stack_elsewhere(any_assembly):
    if any_assembly.stage == "development":
        return
    for kind in ("AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::Backup::BackupVault", "AWS::EKS::Cluster"):
        for name, resource in any_assembly.resources(kind).items():
            assert resource["DeletionPolicy"] == "Retain", name
    for name, secret in any_assembly.resources("AWS::SecretsManager::Secret", "security").items():
        assert secret["DeletionPolicy"] == "Retain", name


def test_everything_has_the_stages_tags(any_assembly):
    for area, template in any_assembly.templates.items():
        for name, resource in template["Resources"].items():
            tags = resource.get("Properties", {}).get("Tags")
            if isinstance(tags, list):
                pairs = {tag["Key"]: tag["Value"] for tag in tags if isinstance(tag, dict)}
                assert pairs.get("stage") == any_assembly.stage, f"{area}/{name}"


def test_lambda_takes_traffic_only_after_the_migrations(assembly):
    template = assembly("staging", "serverless").templates["serverless"]["Resources"]
    (alias,) = [r for r in template.values() if r["Type"] == "AWS::Lambda::Alias"]
    (trigger,) = [name for name, r in template.items() if r["Type"] == "Custom::Trigger"]
    assert trigger in alias["DependsOn"]
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_behind_cloudfront_the_api_answers_nobody_else(assembly, stage):
    deployed = assembly(stage, "serverless")
    (api,) = deployed.resources("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["DisableExecuteApiEndpoint"] is True
    (authorizer,) = deployed.resources("AWS::ApiGatewayV2::Authorizer").items()
    # Every route asks it, and without the header API Gateway refuses by itself.
    for route in deployed.resources("AWS::ApiGatewayV2::Route").values():
        assert route["Properties"]["AuthorizationType"] == "CUSTOM"
        assert route["Properties"]["AuthorizerId"] == {"Ref": authorizer[0].partition("/")[2]}
    assert authorizer[1]["Properties"]["IdentitySource"] == [f"$request.header.{HEADER}"]
    assert authorizer[1]["Properties"]["EnableSimpleResponses"] is True
    (secret,) = deployed.resources("AWS::SecretsManager::Secret", "edge").items()
    assert [r["Region"] for r in secret[1]["Properties"]["ReplicaRegions"]] == ["eu-central-1"]
    (rotation,) = deployed.resources("AWS::SecretsManager::RotationSchedule", "edge").values()
    assert rotation["Properties"]["SecretId"] == {"Ref": secret[0].partition("/")[2]}
    # CloudFront sends the same header, with the secret's value.
    (distribution,) = deployed.resources("AWS::CloudFront::Distribution").values()
    (origin,) = distribution["Properties"]["DistributionConfig"]["Origins"]
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == HEADER
    value = json.dumps(header["HeaderValue"])
    assert "{{resolve:secretsmanager:" in value
    assert secret[0].partition("/")[2] in value
    assert distribution["Properties"]["DistributionConfig"]["WebACLId"]


def test_development_has_neither_edge_nor_domain(assembly):
    deployed = assembly("development", "serverless")
    assert "edge" not in deployed.templates
    assert deployed.resources("AWS::ApiGatewayV2::DomainName") == {}
    (api,) = deployed.resources("AWS::ApiGatewayV2::Api").values()
    assert not api["Properties"].get("DisableExecuteApiEndpoint")


def test_images_cannot_be_replaced(assembly):
    repositories = assembly("production", "eks").resources("AWS::ECR::Repository")
    assert {r["Properties"]["ImageTagMutability"] for r in repositories.values()} == {"IMMUTABLE"}
    assert len(repositories) == 2


def test_github_deploys_from_its_environment_only(assembly):
    roles = assembly("production", "eks").resources("AWS::IAM::Role", "registry")
    trusts = {
        role["Properties"]["RoleName"]: statement["Condition"]["StringEquals"][
            "token.actions.githubusercontent.com:sub"
        ]
        for role in roles.values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    assert trusts == {
        "payments-production-github-push": "repo:example/payment-platform:ref:refs/heads/main",
        "payments-production-github-deploy": "repo:example/payment-platform:environment:production",
    }


@pytest.mark.parametrize(("stage", "compute"), COMBINATIONS)
def test_nodes_are_what_the_stage_says(assembly, stage, compute):
    groups = assembly(stage, compute).resources("AWS::EKS::Nodegroup")
    expected = stage_named(stage).cluster.nodes if compute == "eks" else ()
    assert {g["Properties"]["NodegroupName"]: g["Properties"]["CapacityType"] for g in groups.values()} == {
        group.name: "SPOT" if group.spot else "ON_DEMAND" for group in expected
    }
