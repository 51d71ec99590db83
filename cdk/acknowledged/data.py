"""Accepted findings on network, keys, database and cache."""

from cdk.acknowledged.kinds import AWS_POLICY, INLINE, ONE_ROLE, REPLICATED_LOGS, Acknowledged, both
from cdk.stage import Stage


def _forwards(stage: Stage) -> bool:
    return stage.network.nat == "instance"


DATA = (
    # -- network
    Acknowledged(
        "network",
        "Vpc",
        both("VPCNoUnrestrictedRouteToIGW"),
        "Public subnets hold load balancers and NAT only, and both exist to reach the internet.",
    ),
    Acknowledged("network", "Vpc/FlowLog/IAMRole/DefaultPolicy", INLINE, ONE_ROLE),
    Acknowledged(
        "network",
        "Vpc/publicSubnet1/NatInstance",
        ("AwsSolutions-EC28", "AwsSolutions-EC29"),
        "Nothing is on it: a deployment makes it anew, and `cdk destroy` has to be able to take it away.",
        when=_forwards,
    ),
    Acknowledged(
        "network",
        "Vpc/publicSubnet1/NatInstance",
        both("EC2InstanceNoPublicIp", "EC2InstancesInVPC"),
        "Without a public address it would be no way out; its group lets in compute only. The second rule does not "
        "look for a subnet where an interface has one.",
        when=_forwards,
    ),
    # -- security
    Acknowledged("security", "Trail/LogsRole/DefaultPolicy", INLINE, ONE_ROLE),
    Acknowledged("security", "TrailBucket", both("S3BucketReplicationEnabled"), REPLICATED_LOGS),
    Acknowledged(
        "security",
        "AccessLogs",
        both("S3BucketReplicationEnabled", "S3DefaultEncryptionKMS"),
        "Receives S3's own access logs, which S3 delivers only to buckets with its own keys.",
    ),
    # -- database
    Acknowledged(
        "database",
        "Instance/MonitoringRole",
        (f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AmazonRDSEnhancedMonitoringRole]",),
        "The policy that RDS documents for enhanced monitoring; it only writes to RDSOSMetrics.",
    ),
    Acknowledged(
        "database",
        "Replica/MonitoringRole",
        (f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AmazonRDSEnhancedMonitoringRole]",),
        "The policy that RDS documents for enhanced monitoring; it only writes to RDSOSMetrics.",
    ),
    Acknowledged(
        "database",
        "Instance",
        ("AwsSolutions-RDS11",),
        "Isolated subnets and security groups that name their peers decide who connects; another port hides nothing.",
    ),
    Acknowledged(
        "database",
        "Replica",
        ("AwsSolutions-RDS11",),
        "Isolated subnets and security groups that name their peers decide who connects; another port hides nothing.",
    ),
    Acknowledged(
        "database",
        "Replica",
        ("AwsSolutions-RDS2", *both("RDSStorageEncrypted")),
        "A replica in the same region is encrypted with its source's key; RDS refuses StorageEncrypted on it.",
    ),
    Acknowledged(
        "database",
        "Replica",
        ("AwsSolutions-RDS3", "NIST.800.53.R5-RDSMultiAZSupport", "NIST.800.53.R5-RDSInBackupPlan"),
        "Serves reads that fall back to the Multi-AZ instance, which is backed up; a lost replica is made anew.",
    ),
    Acknowledged(
        "database",
        "BackupPlan/Database/Role",
        (f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AWSBackupServiceRolePolicyForBackup]",),
        "The policy that AWS Backup documents for its own role.",
    ),
    # -- cache
    Acknowledged(
        "cache",
        "Token",
        ("AwsSolutions-SMG4", "NIST.800.53.R5-SecretsManagerRotationEnabled"),
        "ElastiCache changes a token in two steps (ROTATE, SET) with a restart of the clients in between: a runbook.",
    ),
    Acknowledged(
        "cache",
        "Replication",
        ("AwsSolutions-AEC5", "NIST.800.53.R5-ElastiCacheRedisClusterAutomaticBackup"),
        "Counters that PostgreSQL can rebuild, so old backups have no use; and another port hides nothing.",
    ),
    # -- what a stage without protection does without
    Acknowledged(
        "database",
        "Instance",
        (
            "AwsSolutions-RDS10",
            "NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled",
            "NIST.800.53.R5-RDSInBackupPlan",
        ),
        "Synthetic data: `cdk destroy` removes all of it, and the instance's own backups are enough until then.",
        when=lambda stage: not stage.protected,
    ),
    Acknowledged(
        "database",
        "Instance",
        ("AwsSolutions-RDS3", "NIST.800.53.R5-RDSMultiAZSupport"),
        "A stage for trying things out may be away for the half hour of a restore; production is Multi-AZ.",
        when=lambda stage: not stage.database.multi_az,
    ),
    Acknowledged(
        "database",
        "Instance",
        ("CloudFormation-Validate::W3010",),
        "One zone by name on purpose: the functions and nodes that use it prefer that zone too.",
        when=lambda stage: not stage.database.multi_az,
    ),
    Acknowledged(
        "cache",
        "Replication",
        ("AwsSolutions-AEC4",),
        "Counters that PostgreSQL rebuilds; this stage may run without them while a lost node comes back.",
        when=lambda stage: stage.cache.replicas == 0,
    ),
    *(
        Acknowledged(
            "security",
            f"ServiceSecrets/{name.replace('/', '-')}",
            ("AwsSolutions-SMG4", "NIST.800.53.R5-SecretsManagerRotationEnabled"),
            "Key material with two sides: the new key is out before the old one ends, by runbook, not by a clock.",
        )
        for name in Stage.key_secrets
    ),
)
