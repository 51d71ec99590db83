"""What each type of resource costs: a rule per type that is paid for, and a reason per type that is free.

A type in neither table is an error: a bill that leaves something out is worse than none.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from cdk.cost import rules_compute as compute
from cdk.cost import rules_data as data
from cdk.cost import rules_watch as watch
from cdk.cost.month import Item, Month, Properties
from cdk.cost.prices import CostError

Rule = Callable[[str, Properties, Month], Iterator[Item]]

PAID: Mapping[str, Rule] = {
    "AWS::ApiGatewayV2::Stage": compute.http_api,
    "AWS::Backup::BackupPlan": data.backup_plan,
    "AWS::CloudFront::Distribution": compute.distribution,
    "AWS::CloudTrail::Trail": watch.trail,
    "AWS::CloudWatch::Alarm": watch.alarm,
    "AWS::CloudWatch::CompositeAlarm": watch.composite_alarm,
    "AWS::CloudWatch::Dashboard": watch.dashboard,
    "AWS::EC2::EIP": compute.public_address,
    "AWS::EC2::Instance": compute.nat_instance,
    "AWS::EC2::NatGateway": compute.nat_gateway,
    "AWS::EC2::VPCEndpoint": compute.endpoint,
    "AWS::ECR::Repository": data.image_repository,
    "AWS::EKS::Cluster": compute.cluster,
    "AWS::EKS::Nodegroup": compute.node_group,
    "AWS::ElastiCache::ReplicationGroup": data.cache,
    "AWS::GuardDuty::Detector": watch.detector,
    "AWS::KMS::Key": data.key,
    "AWS::Lambda::Function": compute.function,
    "AWS::Lambda::Version": compute.version,
    "AWS::RDS::DBInstance": data.database,
    "AWS::RDS::DBProxy": data.proxy,
    "AWS::S3::Bucket": data.bucket,
    "AWS::SQS::Queue": compute.queue,
    "AWS::Scheduler::Schedule": compute.schedule,
    "AWS::SecretsManager::Secret": data.secret,
    "AWS::WAFv2::WebACL": watch.firewall,
    "Custom::AWSCDK-EKS-HelmChart": data.chart,
}

_PART = "part of what it belongs to"
_RULES = "rules and names cost nothing"
_DEPLOYMENT = "works during a deployment only"

FREE: Mapping[str, str] = {
    "AWS::ApiGatewayV2::Api": _PART,
    "AWS::ApiGatewayV2::ApiMapping": _PART,
    "AWS::ApiGatewayV2::Authorizer": "its function is priced",
    "AWS::ApiGatewayV2::DomainName": _PART,
    "AWS::ApiGatewayV2::Integration": _PART,
    "AWS::ApiGatewayV2::Route": _PART,
    "AWS::Backup::BackupSelection": _PART,
    "AWS::Backup::BackupVault": "what is in it is priced with the plan",
    "AWS::Budgets::Budget": "the first two without actions are free",
    "AWS::CertificateManager::Certificate": "free as long as it cannot be exported",
    "AWS::CodeDeploy::Application": "free for Lambda",
    "AWS::CodeDeploy::DeploymentConfig": "free for Lambda",
    "AWS::CodeDeploy::DeploymentGroup": "free for Lambda",
    "AWS::EC2::FlowLog": "its logs are in the usage profile",
    "AWS::EC2::InternetGateway": "traffic is priced, not the gateway",
    "AWS::EC2::LaunchTemplate": "its disks and metrics are priced with the nodes",
    "AWS::EC2::Route": _RULES,
    "AWS::EC2::RouteTable": _RULES,
    "AWS::EC2::SecurityGroup": _RULES,
    "AWS::EC2::SecurityGroupEgress": _RULES,
    "AWS::EC2::SecurityGroupIngress": _RULES,
    "AWS::EC2::Subnet": _RULES,
    "AWS::EC2::SubnetRouteTableAssociation": _RULES,
    "AWS::EC2::VPC": _RULES,
    "AWS::EC2::VPCGatewayAttachment": _RULES,
    "AWS::EKS::AccessEntry": _RULES,
    "AWS::EKS::Addon": "AWS's own add-ons are free; their pods are counted on the nodes",
    "AWS::EKS::PodIdentityAssociation": _RULES,
    "AWS::ElastiCache::SubnetGroup": _RULES,
    "AWS::IAM::InstanceProfile": _RULES,
    "AWS::IAM::OIDCProvider": _RULES,
    "AWS::IAM::Policy": _RULES,
    "AWS::IAM::Role": _RULES,
    "AWS::KMS::Alias": _RULES,
    "AWS::Lambda::Alias": _RULES,
    "AWS::Lambda::EventSourceMapping": "its reads are priced with the queue",
    "AWS::Lambda::LayerVersion": "code below 75 GB is free",
    "AWS::Lambda::Permission": _RULES,
    "AWS::Logs::LogGroup": "what is in it is priced by the usage profile",
    "AWS::RDS::DBParameterGroup": _RULES,
    "AWS::RDS::DBProxyTargetGroup": _PART,
    "AWS::RDS::DBSubnetGroup": _RULES,
    "AWS::Route53::RecordSet": "aliases to AWS are free, and others are a few queries",
    "AWS::S3::BucketPolicy": _RULES,
    "AWS::SNS::Subscription": "a few messages of alarms",
    "AWS::SNS::Topic": "a few messages of alarms",
    "AWS::SNS::TopicPolicy": _RULES,
    "AWS::SQS::QueuePolicy": _RULES,
    "AWS::SSM::Parameter": "standard parameters are free",
    "AWS::SecretsManager::ResourcePolicy": _RULES,
    "AWS::SecretsManager::RotationSchedule": "a run a month",
    "AWS::SecretsManager::SecretTargetAttachment": _RULES,
    "AWS::WAFv2::LoggingConfiguration": "its logs are in the usage profile",
    "AWS::WAFv2::WebACLAssociation": _RULES,
    "Custom::AWSCDK-EKS-KubernetesPatch": _DEPLOYMENT,
    "Custom::AWSCDK-EKS-KubernetesResource": "its objects are priced like those of the manifests",
    "Custom::S3AutoDeleteObjects": _DEPLOYMENT,
    "Custom::Trigger": _DEPLOYMENT,
    "Custom::VpcRestrictDefaultSG": _DEPLOYMENT,
}

# Objects of Kubernetes that the cloud bills for; a StorageClass or a Service of another type costs nothing by itself.
_KUBERNETES: Mapping[str, Rule] = {
    "Ingress": compute.load_balancer,
    "PersistentVolumeClaim": data.volume_claim,
    "StatefulSet": data.stateful_set,
}


def items(month: Month) -> Iterator[Item]:
    """Yield everything that is paid for in a month.

    Raises:
        CostError: there is a resource of a type that nobody has thought of.
    """
    for area, template in month.inputs.templates.items():
        for key, resource in template["Resources"].items():
            kind, name = resource["Type"], f"{area}/{key}"
            if kind in PAID:
                yield from PAID[kind](name, resource.get("Properties", {}), month)
            elif kind not in FREE:
                raise CostError(
                    f"{name} is of a type without a price: {kind}; give it a rule in PAID, or a reason in FREE, "
                    "in cdk/cost/resources.py"
                )
    for each in month.inputs.manifests:
        kind, name = each["kind"], f"manifests/{each['kind']}-{each['metadata']['name']}"
        if kind == "Service" and each["spec"].get("type") == "LoadBalancer":
            raise CostError(f"{name} makes a load balancer of its own, which has no price here: use the Ingress")
        if kind in _KUBERNETES:
            yield from _KUBERNETES[kind](name, each.get("spec", {}), month)
    yield from usage(month)


def usage(month: Month) -> Iterator[Item]:
    """Yield what belongs to no resource alone."""
    load, groups = month.load, list(month.all("AWS::Logs::LogGroup"))
    if groups:
        days = [group.get("RetentionInDays", 0) for _, group in groups]
        # Half of the groups' content is gone after half of the days; compressed to a sixth.
        kept = load.log_gb * Decimal(max(days)) / 30 / 6
        yield Item("usage/logs", f"into {len(groups)} log groups", load.log_gb, "logs.ingested")
        yield Item("usage/logs", f"kept for {max(days)} days, compressed", kept, "logs.stored")
    if load.metric_series:
        yield Item("usage/metrics", "series of our own in CloudWatch", Decimal(load.metric_series), "cloudwatch.series")
    if month.inputs.profile.compute == "eks":
        # CloudFront has its own price for what leaves.
        yield Item("usage/traffic", "to the internet", load.egress_gb, "internet.out")
    elif not list(month.all("AWS::CloudFront::Distribution")):
        yield Item("usage/traffic", "to the internet", load.egress_gb, "internet.out")
    if month.inputs.profile.domain:
        yield Item("usage/dns", "the stage's hosted zone", Decimal(1), "route53.zone")
