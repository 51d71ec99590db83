"""Accepted findings on the cluster and what runs in it."""

from cdk.acknowledged.kinds import Acknowledged

CLUSTER: tuple[Acknowledged, ...] = ()
