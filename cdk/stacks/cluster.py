"""EKS: the control plane, its nodes, and who may administer it."""

import json
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from cdk.stacks.cache import CacheStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.peering import connect
from cdk.stacks.retention import retention
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage
from cdk.stage_parts import NodeGroup

_LOGS = (
    eks.ClusterLoggingTypes.API,
    eks.ClusterLoggingTypes.AUDIT,
    eks.ClusterLoggingTypes.AUTHENTICATOR,
    eks.ClusterLoggingTypes.CONTROLLER_MANAGER,
    eks.ClusterLoggingTypes.SCHEDULER,
)
# AWS manages these. The rest comes as Helm charts, in the add-ons' stack.
ADDONS = {
    "vpc-cni": ("v1.21.1-eksbuild.3", {"enableNetworkPolicy": "true"}),
    "kube-proxy": ("v1.35.0-eksbuild.2", {}),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.2", {}),
    "coredns": ("v1.13.2-eksbuild.1", {}),
    "aws-ebs-csi-driver": ("v1.55.0-eksbuild.2", {}),
}
_NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")


class ClusterStack(StageStack):
    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        network: NetworkStack,
        security: SecurityStack,
        database: DatabaseStack,
        cache: CacheStack,
    ) -> None:
        super().__init__(scope, "cluster", stage, description="EKS cluster and its nodes")
        self._network = network
        self._security = security
        control_plane = self._control_plane_logs()
        self.cluster = self._cluster()
        self.cluster.node.add_dependency(control_plane)
        self._keep_logs_like_all_others()
        # Its Python type lacks an optional property of the interface that everything else takes.
        self.target = cast("eks.ICluster", self.cluster)
        self._admins()
        role = self._node_role()
        self.groups = [self._nodes(group, role) for group in stage.cluster.nodes]
        self._managed_addons()
        self._open(database, cache)
        command = f"aws eks update-kubeconfig --name {stage.prefix} --region {self.region}"
        self.output("ClusterName", stage.prefix, "The cluster")
        self.output("Kubeconfig", command, "Makes kubectl talk to it")

    def _cluster(self) -> eks.Cluster:
        stage = self.stage
        private = ec2.SubnetSelection(subnet_group_name="private")
        return eks.Cluster(
            self,
            "Cluster",
            cluster_name=stage.prefix,
            version=eks.KubernetesVersion.of(stage.cluster.version),
            vpc=self._network.vpc,
            vpc_subnets=[private],
            # Any other kind of capacity would bring nodes of its own.
            default_capacity_type=eks.DefaultCapacityType.NODEGROUP,
            default_capacity=0,
            endpoint_access=eks.EndpointAccess.PRIVATE
            if stage.cluster.private_endpoint
            else eks.EndpointAccess.PUBLIC_AND_PRIVATE,
            secrets_encryption_key=self._security.secrets_key,
            cluster_logging=list(_LOGS),
            bootstrap_cluster_creator_admin_permissions=False,
            bootstrap_self_managed_addons=False,
            kubectl_provider_options=eks.KubectlProviderOptions(
                kubectl_layer=KubectlV35Layer(self, "Kubectl"),
                private_subnets=self._network.vpc.private_subnets,
                memory=cdk.Size.mebibytes(1024),
            ),
            removal_policy=self.removal,
        )

    def _control_plane_logs(self) -> logs.LogGroup:
        """Make the group that EKS writes to before EKS does: its own would be kept for ever, under AWS's key."""
        return logs.LogGroup(
            self,
            "ControlPlaneLogs",
            log_group_name=f"/aws/eks/{self.stage.prefix}/cluster",
            retention=retention(self.stage),
            encryption_key=self._security.logs_key,
            removal_policy=self.removal,
        )

    def _keep_logs_like_all_others(self) -> None:
        """Treat the logs of CDK's functions for kubectl and helm like ours; they cannot be told in another way."""
        for found in self.cluster.node.find_all():
            if isinstance(found, logs.CfnLogGroup):
                found.retention_in_days = self.stage.observability.log_days
                found.kms_key_id = self._security.logs_key.key_arn

    def _admins(self) -> None:
        for name in self.stage.cluster.admin_roles:
            arn = self.format_arn(service="iam", region="", resource="role", resource_name=name)
            policy = eks.AccessPolicy.from_access_policy_name(
                "AmazonEKSClusterAdminPolicy", access_scope_type=eks.AccessScopeType.CLUSTER
            )
            self.cluster.grant_access(f"Admin-{name}", arn, [policy])

    def _node_role(self) -> iam.Role:
        return iam.Role(
            self,
            "NodeRole",
            role_name=self.stage.role("node"),
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in _NODE_POLICIES],
        )

    def _nodes(self, group: NodeGroup, role: iam.Role) -> eks.Nodegroup:
        key, value = self.stage.spot_taint
        taint = eks.TaintSpec(key=key, value=value, effect=eks.TaintEffect.NO_SCHEDULE)
        template = ec2.LaunchTemplate(
            self,
            f"Template-{group.name}",
            launch_template_name=f"{self.stage.prefix}-{group.name}",
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            # Pods have roles of their own; the node's credentials end at the node.
            http_put_response_hop_limit=1,
            detailed_monitoring=self.stage.protected,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        group.disk_gib,
                        encrypted=True,
                        kms_key=self._security.data_key,
                        volume_type=ec2.EbsDeviceVolumeType.GP3,
                    ),
                )
            ],
        )
        return eks.Nodegroup(
            self,
            f"Nodes-{group.name}",
            cluster=self.target,
            nodegroup_name=group.name,
            node_role=role,
            ami_type=eks.NodegroupAmiType.AL2023_ARM_64_STANDARD,
            capacity_type=eks.CapacityType.SPOT if group.spot else eks.CapacityType.ON_DEMAND,
            instance_types=[ec2.InstanceType(name) for name in group.instances],
            min_size=group.size.min,
            max_size=group.size.max,
            labels={"payments/capacity": "spot" if group.spot else "on-demand"},
            taints=[taint] if group.spot and self.stage.cluster.mixed else None,
            launch_template_spec=eks.LaunchTemplateSpec(
                id=template.launch_template_id or "", version=template.latest_version_number
            ),
            subnets=self._subnets(),
            enable_node_auto_repair=True,
        )

    def _subnets(self) -> ec2.SubnetSelection:
        """Return every zone, or the database's zone alone where that is in one zone only."""
        if self.stage.database.multi_az or self.stage.protected:
            return ec2.SubnetSelection(subnet_group_name="private")
        return ec2.SubnetSelection(subnet_group_name="private", availability_zones=[self.stage.zones[0]])

    def _managed_addons(self) -> None:
        for name, (version, values) in ADDONS.items():
            addon = eks.Addon(
                self,
                f"Addon-{name}",
                cluster=self.target,
                addon_name=name,
                addon_version=version,
                configuration_values=json.loads(json.dumps(values)),
            )
            # Without the network plugin no node becomes ready; the others need a node to run on.
            for group in self.groups:
                if name in ("vpc-cni", "kube-proxy"):
                    group.node.add_dependency(addon)
                elif name != "eks-pod-identity-agent":
                    addon.node.add_dependency(group)

    def _open(self, database: DatabaseStack, cache: CacheStack) -> None:
        """Let pods reach the data stores, and nobody else's."""
        source = self.cluster.cluster_security_group
        ports = self.stage.ports
        target = database.proxy_group or database.group
        connect(self, "Database", source=source, target=target, port=ports["database"])
        connect(self, "Cache", source=source, target=cache.group, port=ports["cache"])
