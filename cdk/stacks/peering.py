"""Opens one security group to another, on both sides and on one port."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


def connect(scope: Construct, id_: str, *, source: ec2.ISecurityGroup, target: ec2.ISecurityGroup, port: int) -> None:
    """Let the source reach the target's port; both rules belong to the scope's stack, so that stacks stay a tree."""
    ec2.CfnSecurityGroupIngress(
        scope,
        f"{id_}Ingress",
        group_id=target.security_group_id,
        source_security_group_id=source.security_group_id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=f"{id_} in",
    )
    ec2.CfnSecurityGroupEgress(
        scope,
        f"{id_}Egress",
        group_id=source.security_group_id,
        destination_security_group_id=target.security_group_id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=f"{id_} out",
    )
