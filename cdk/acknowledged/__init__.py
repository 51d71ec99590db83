"""What the rule packs find and we accept: each finding on its construct, with the reason."""

from cdk.acknowledged.cluster import CLUSTER
from cdk.acknowledged.data import DATA
from cdk.acknowledged.kinds import Acknowledged
from cdk.acknowledged.serverless import SERVERLESS

ACKNOWLEDGED: tuple[Acknowledged, ...] = (*DATA, *SERVERLESS, *CLUSTER)
