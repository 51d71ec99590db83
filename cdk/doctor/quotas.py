"""Quotas that the stage may run into: those that are low in new accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cdk.doctor.look import Look
from payments.devtools.doctor import Finding

_LEFT_TO_OTHERS = 100
"""Concurrency that Lambda refuses to reserve."""


@dataclass(frozen=True, kw_only=True)
class _Need:
    service: str
    code: str
    what: str
    more: int
    used: int = 0

    @property
    def total(self) -> int:
        return self.used + self.more


def quotas(look: Look) -> Iterator[Finding]:
    """Each is large enough for the stage at its largest, beside what the account has already."""
    client = look.client("service-quotas")
    for need in _needs(look):
        limit = int(_limit(client, need))
        text = f"{need.what}: {need.more} for this stage{f' beside {need.used}' if need.used else ''}, {limit} allowed"
        raised = (
            f"`aws service-quotas request-service-quota-increase --service-code {need.service} "
            f"--quota-code {need.code} --desired-value {need.total} --region {look.stage.region}`; takes hours to days"
        )
        yield Finding(text, None if need.total <= limit else raised)


def _limit(client: Any, need: _Need) -> float:  # noqa: ANN401 - a boto3 client
    asked = {"ServiceCode": need.service, "QuotaCode": need.code}
    try:
        value = client.get_service_quota(**asked)["Quota"]["Value"]
    except client.exceptions.NoSuchResourceException:
        # Nobody ever changed it, and AWS has no value of this account's own.
        value = client.get_aws_default_service_quota(**asked)["Quota"]["Value"]
    return float(value)


def _needs(look: Look) -> Iterator[_Need]:
    stage, ec2 = look.stage, look.client("ec2")
    if not look.deployed("network"):
        vpcs = sum(len(page["Vpcs"]) for page in ec2.get_paginator("describe_vpcs").paginate())
        yield _Need(service="vpc", code="L-F678F1CE", what="VPCs", more=1, used=vpcs)
        if stage.network.nat == "gateway":
            yield _Need(
                service="ec2",
                code="L-0263D0A3",
                what="elastic IPs of NAT gateways",
                more=stage.network.nat_gateways,
                used=len(ec2.describe_addresses()["Addresses"]),
            )
    if look.on_lambda:
        yield _Need(
            service="lambda",
            code="L-B99A9384",
            what=f"concurrent executions, {_LEFT_TO_OTHERS} of them not reserved",
            more=sum(stage.reservations.values()) + _LEFT_TO_OTHERS,
        )
    else:
        on_demand, spot = _cores(look, spot=False), _cores(look, spot=True)
        # What else runs in the account is not counted: nodes come and go with the hour.
        yield _Need(service="ec2", code="L-1216C47A", what="vCPUs on demand, with every node", more=on_demand)
        yield _Need(service="ec2", code="L-34B43A08", what="vCPUs on spot, with every node", more=spot)


def _cores(look: Look, *, spot: bool) -> int:
    groups = [group for group in look.stage.cluster.nodes if group.spot == spot]
    names = sorted({name for group in groups for name in group.instances})
    if not names:
        return 0
    described = look.client("ec2").describe_instance_types(InstanceTypes=names)["InstanceTypes"]
    cores = {each["InstanceType"]: int(each["VCpuInfo"]["DefaultVCpus"]) for each in described}
    return sum(group.size.max * max(cores[name] for name in group.instances) for group in groups)
