"""What a cluster needs before our workloads: controllers, metrics, logs and traces, as pinned Helm charts."""

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stacks.charts import charts
from cdk.stacks.cluster import ClusterStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.retention import retention
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage


class AddonsStack(StageStack):
    def __init__(
        self, scope: Construct, stage: Stage, *, cluster: ClusterStack, network: NetworkStack, security: SecurityStack
    ) -> None:
        super().__init__(scope, "addons", stage, description="Controllers, metrics, logs and traces of the cluster")
        self._cluster = cluster.target
        storage = self._storage_class(security.data_key)
        if not stage.cluster.monitoring:
            self._pod_logs(security.logs_key)
        self.charts: dict[str, eks.HelmChart] = {}
        topics = self.format_arn(service="sns", resource="")
        for chart in charts(stage, vpc_id=network.vpc.vpc_id, topics=topics):
            installed = eks.HelmChart(
                self,
                chart.name,
                cluster=self._cluster,
                chart=chart.name,
                release=chart.name,
                repository=chart.repository,
                version=chart.version,
                namespace=chart.namespace,
                values=dict(chart.values),
                create_namespace=True,
                # What follows may use the chart's custom resources at once.
                wait=True,
                timeout=cdk.Duration.minutes(15),
            )
            installed.node.add_dependency(storage, *(self.charts[name] for name in chart.after))
            self.charts[chart.name] = installed

    def _storage_class(self, key: kms.IKey) -> eks.KubernetesManifest:
        """Volumes are encrypted with our key, and appear in the zone of the pod that wants them."""
        return eks.KubernetesManifest(
            self,
            "StorageClass",
            cluster=self._cluster,
            manifest=[
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "StorageClass",
                    "metadata": {
                        "name": "gp3",
                        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                    },
                    "provisioner": "ebs.csi.aws.com",
                    "parameters": {"type": "gp3", "encrypted": "true", "kmsKeyId": key.key_arn},
                    "volumeBindingMode": "WaitForFirstConsumer",
                    "allowVolumeExpansion": True,
                }
            ],
        )

    def _pod_logs(self, key: kms.IKey) -> None:
        logs.LogGroup(
            self,
            "PodLogs",
            log_group_name=f"/aws/eks/{self.stage.prefix}/pods",
            retention=retention(self.stage),
            encryption_key=key,
            removal_policy=self.removal,
        )
