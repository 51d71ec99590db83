"""The VPC: private subnets for compute, isolated ones for data, public ones for load balancers and NAT."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage
from cdk.stage_parts import MAX_ZONES, PREFIXES

_TYPES = {
    "private": ec2.SubnetType.PRIVATE_WITH_EGRESS,
    "public": ec2.SubnetType.PUBLIC,
    "isolated": ec2.SubnetType.PRIVATE_ISOLATED,
}


class NetworkStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "network", stage, description="VPC, subnets, NAT and endpoints")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=stage.prefix,
            ip_addresses=ec2.IpAddresses.cidr(stage.network.cidr),
            availability_zones=list(stage.zones),
            reserved_azs=MAX_ZONES - len(stage.zones),
            nat_gateways=stage.network.nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(name=kind, subnet_type=_TYPES[kind], cidr_mask=prefix)
                for kind, prefix in PREFIXES.items()
            ],
        )
