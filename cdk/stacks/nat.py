"""The way out of the private subnets: gateways of AWS, or a machine of ours where the bill counts more."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from cdk.stage import Stage

_HTTPS = ec2.Port.tcp(443)
_ROOT_GIB = 8
"""The smallest that the image fits on."""


def nat_instances() -> ec2.NatInstanceProviderV2:
    """Return what makes Amazon Linux forward: the newest image at each deployment, which is how it is patched."""
    return ec2.NatProvider.instance_v2(
        # With less memory, installing what it forwards with is a gamble.
        instance_type=ec2.InstanceType("t4g.micro"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
        # Beyond its share of CPU it becomes slow, not dear.
        credit_specification=ec2.CpuCredits.STANDARD,
        # Public subnets give none by themselves.
        associate_public_ip_address=True,
        # Said below: CDK's own groups let in everybody or nobody.
        default_allowed_traffic=ec2.NatTrafficDirection.NONE,
    )


def harden(provider: ec2.NatInstanceProviderV2, stage: Stage, key: kms.IKey) -> None:
    """Forward what private subnets send to HTTPS, and nothing else; needs a VPC that the provider was used in."""
    for subnet in stage.network.subnets("private"):
        provider.security_group.add_ingress_rule(ec2.Peer.ipv4(str(subnet)), _HTTPS, "From compute")
    provider.security_group.add_egress_rule(ec2.Peer.any_ipv4(), _HTTPS, "To AWS, acquirers, webhooks and images")
    for instance in provider.gateway_instances:
        machine = instance.node.default_child
        assert isinstance(machine, ec2.CfnInstance)  # noqa: S101  what the construct is made of
        machine.metadata_options = ec2.CfnInstance.MetadataOptionsProperty(
            http_tokens="required", http_put_response_hop_limit=1
        )
        machine.ebs_optimized = True
        machine.block_device_mappings = [
            ec2.CfnInstance.BlockDeviceMappingProperty(
                device_name="/dev/xvda",
                ebs=ec2.CfnInstance.EbsProperty(
                    encrypted=True, kms_key_id=key.key_arn, volume_size=_ROOT_GIB, volume_type="gp3"
                ),
            )
        ]
