"""Applies the Kubernetes manifests of development; in the other stages operations review and apply them."""

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from cdk.stacks.addons import AddonsStack
from cdk.stacks.cluster import ClusterStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage
from manifests.synthesis import objects


class WorkloadsStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage, *, cluster: ClusterStack, addons: AddonsStack) -> None:
        super().__init__(scope, "workloads", stage, description="Our pods, from the same charts that cdk8s prints")
        # Every chart of the add-ons, because their custom resources and webhooks have to be there.
        self.add_stack_dependency(addons)
        previous: eks.KubernetesManifest | None = None
        for name, chart in objects(stage).items():
            manifest = eks.KubernetesManifest(
                self, name, cluster=cluster.target, manifest=chart, prune=True, overwrite=True
            )
            # Charts are numbered: each may need what is in those before it.
            if previous is not None:
                manifest.node.add_dependency(previous)
            previous = manifest
