"""What a change takes away: resources with data or an identity that CloudFormation would delete, or make anew."""

from collections.abc import Iterator, Mapping
from typing import Any

# What cannot be changed in place, of each type: AWS' own list, which a test holds against cfn-lint's schemas.
FIXED: dict[str, set[str]] = {
    "AWS::EC2::VPC": {"CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "VpcEncryptionControl"},
    "AWS::ECR::Repository": {"EncryptionConfiguration", "RepositoryName"},
    "AWS::EKS::Cluster": {
        "AccessConfig",
        "BootstrapSelfManagedAddons",
        "EncryptionConfig",
        "KubernetesNetworkConfig",
        "Name",
        "OutpostConfig",
        "RoleArn",
    },
    "AWS::ElastiCache::ReplicationGroup": {
        "AtRestEncryptionEnabled",
        "CacheSubnetGroupName",
        "DataTieringEnabled",
        "GlobalReplicationGroupId",
        "KmsKeyId",
        "NetworkType",
        "Port",
        "PreferredCacheClusterAZs",
        "ReplicationGroupId",
        "SnapshotArns",
        "SnapshotName",
    },
    "AWS::KMS::Key": set(),
    "AWS::RDS::DBInstance": {
        "BackupTarget",
        "CharacterSetName",
        "CustomIAMInstanceProfile",
        "DBClusterIdentifier",
        "DBInstanceIdentifier",
        "DBName",
        "DBSubnetGroupName",
        "DBSystemId",
        "KmsKeyId",
        "MasterUsername",
        "NcharCharacterSetName",
        "SourceRegion",
        "StorageEncrypted",
        "Timezone",
    },
    "AWS::S3::Bucket": {"BucketName", "BucketNamePrefix", "BucketNamespace"},
    "AWS::SecretsManager::Secret": {"Name"},
}

Templates = Mapping[str, Mapping[str, Any]]


def losses(before: Templates, after: Templates) -> Iterator[str]:
    """Yield in words what a deployment of `after` over `before` would delete or replace."""
    for area, template in before.items():
        there = after.get(area, {}).get("Resources", {})
        for name, old in template["Resources"].items():
            if old["Type"] not in FIXED:
                continue
            what = f"{area}/{name} ({old['Type']})"
            if there.get(name, {}).get("Type") != old["Type"]:
                yield f"{what} would be deleted"
                continue
            was, now = old.get("Properties", {}), there[name].get("Properties", {})
            changed = sorted(each for each in FIXED[old["Type"]] if was.get(each) != now.get(each))
            if changed:
                yield f"{what} would be replaced: {', '.join(changed)} cannot change in place"
