"""What every look is given: the stage, and whom to ask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import boto3

from cdk.stage import Stage
from payments.devtools.doctor import Finding

EDGE_REGION = "us-east-1"
"""Where CloudFront's certificate and firewall have to be."""


@dataclass(frozen=True)
class Look:
    """One stage, in the account of the caller's credentials."""

    stage: Stage
    session: boto3.Session
    name_servers: Callable[[str], set[str]]
    """Whom the public DNS names as responsible for a zone."""
    today: date

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Return a client of a service, in the stage's region if no other is named."""
        connect: Callable[..., Any] = self.session.client  # typed by names that are known only at run time
        return connect(service, region_name=region or self.stage.region)

    def deployed(self, area: str) -> bool:
        """Whether the stage has this stack already."""
        client = self.client("cloudformation")
        try:
            client.describe_stacks(StackName=f"{self.stage.prefix}-{area}")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return False
        return True

    @property
    def on_lambda(self) -> bool:
        """Whether the stage runs there."""
        return self.stage.compute == "serverless"

    @property
    def regions(self) -> list[str]:
        """Where the stage has stacks."""
        cloudfront = self.on_lambda and self.stage.edge.enabled
        return list(dict.fromkeys([self.stage.region, *([EDGE_REGION] if cloudfront else [])]))


Check = Callable[[Look], Iterator[Finding]]
