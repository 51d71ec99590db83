"""The VPC: private subnets for compute, isolated ones for data, public ones for load balancers and NAT."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stacks.nat import harden, nat_instances
from cdk.stacks.retention import retention
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage
from cdk.stage_parts import MAX_ZONES, PREFIXES, SubnetKind

_TYPES: dict[SubnetKind, ec2.SubnetType] = {
    "private": ec2.SubnetType.PRIVATE_WITH_EGRESS,
    "public": ec2.SubnetType.PUBLIC,
    "isolated": ec2.SubnetType.PRIVATE_ISOLATED,
}


class NetworkStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage, *, logs_key: kms.IKey, data_key: kms.IKey) -> None:
        super().__init__(scope, "network", stage, description="VPC, subnets, NAT and endpoints")
        instances = nat_instances() if stage.network.nat == "instance" else None
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=stage.prefix,
            ip_addresses=ec2.IpAddresses.cidr(stage.network.cidr),
            availability_zones=list(stage.zones),
            reserved_azs=MAX_ZONES - len(stage.zones),
            # Webhooks, acquirers and public images are outside, so there is always one; see the ADR on NAT.
            nat_gateways=stage.network.nat_gateways,
            nat_gateway_provider=instances,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name=kind,
                    subnet_type=_TYPES[kind],
                    cidr_mask=prefix,
                    **({"map_public_ip_on_launch": False} if kind == "public" else {}),
                )
                for kind, prefix in PREFIXES.items()
            ],
            restrict_default_security_group=True,
        )
        if instances:
            harden(instances, stage, data_key)
        self._flow_log(logs_key)
        self._endpoints()
        self._tag_for_load_balancers()
        self.output("VpcId", self.vpc.vpc_id, "The stage's network")

    def _flow_log(self, key: kms.IKey) -> None:
        group = logs.LogGroup(
            self,
            "FlowLogs",
            retention=retention(self.stage),
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "FlowLog",
            # Production keeps everything for investigations; elsewhere what was refused is enough.
            traffic_type=ec2.FlowLogTrafficType.ALL if self.stage.protected else ec2.FlowLogTrafficType.REJECT,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
        )

    def _endpoints(self) -> None:
        # Free, and images come from S3: without this one every pull would go through NAT, and pay a gateway.
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.vpc.add_gateway_endpoint("DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        if not self.stage.network.interface_endpoints:
            return
        group = ec2.SecurityGroup(
            self, "EndpointGroup", vpc=self.vpc, allow_all_outbound=False, description="Interface endpoints"
        )
        for subnet in self.stage.network.subnets("private"):
            group.add_ingress_rule(ec2.Peer.ipv4(str(subnet)), ec2.Port.tcp(443), "From compute")
        for service in self.stage.network.interface_endpoints:
            self.vpc.add_interface_endpoint(
                service.title().replace(".", ""),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                private_dns_enabled=True,
                open=False,
                security_groups=[group],
                subnets=ec2.SubnetSelection(subnet_group_name="private"),
            )

    def _tag_for_load_balancers(self) -> None:
        """The load balancer controller finds subnets by these tags."""
        for subnet in self.vpc.public_subnets:
            cdk.Tags.of(subnet).add("kubernetes.io/role/elb", "1")
        for subnet in self.vpc.private_subnets:
            cdk.Tags.of(subnet).add("kubernetes.io/role/internal-elb", "1")
