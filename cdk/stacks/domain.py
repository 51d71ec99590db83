"""The stage's zone in Route 53, by its id: looking it up would need an account."""

from aws_cdk import aws_route53 as route53
from constructs import Construct

from cdk.stage import Stage
from cdk.stage_parts import StageError


def hosted_zone(scope: Construct, stage: Stage) -> route53.IHostedZone:
    """Return the zone.

    Raises:
        StageError: the stage has none.
    """
    if stage.domain is None:
        raise StageError("domain: this stage has none")
    return route53.HostedZone.from_hosted_zone_attributes(
        scope, "Zone", hosted_zone_id=stage.domain.hosted_zone_id, zone_name=stage.domain.name
    )
