"""Accepted findings on the cluster, its roles and its registry."""

from collections.abc import Iterator

from cdk.acknowledged.kinds import AWS_POLICY, INLINE, ONE_ROLE, Acknowledged

_EKS_POLICY = "arn:<AWS::Partition>:iam::aws:policy"
_KUBECTL = "Cluster/KubectlProvider"
_HANDLER = "ClusterKubectlProviderHandler"


def _framework() -> Iterator[Acknowledged]:
    """CDK's own functions that run kubectl and helm during a deployment, and at no other time."""
    ours = "CDK's function for kubectl and helm: it runs during deployments only, and its shape is CDK's."
    handler, provider = f"{_KUBECTL}/Handler", f"{_KUBECTL}/Provider/framework-onEvent"
    for path in (handler, provider):
        yield Acknowledged(
            "cluster",
            path,
            (
                *INLINE,
                f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AWSLambdaBasicExecutionRole]",
                f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AWSLambdaVPCAccessExecutionRole]",
                "Serverless-LambdaTracing",
                "Serverless-LambdaDLQ",
                "NIST.800.53.R5-LambdaDLQ",
                "NIST.800.53.R5-LambdaConcurrency",
            ),
            ours,
        )
    yield Acknowledged(
        "cluster",
        handler,
        (
            f"AwsSolutions-IAM4[Policy::{_EKS_POLICY}/AmazonEC2ContainerRegistryReadOnly]",
            f"AwsSolutions-IAM4[Policy::{_PUBLIC_IMAGES}]",
            "AwsSolutions-L1",
            "Serverless-LambdaLatestVersion",
        ),
        ours,
    )
    yield Acknowledged(
        "cluster",
        provider,
        (f"AwsSolutions-IAM5[Resource::<{_HANDLER}2E05C68A.Arn>:*]", "Serverless-LambdaDefaultMemorySize"),
        ours,
    )


_PUBLIC_IMAGES = (
    f'{{"Fn::If":["{_HANDLER}HasEcrPublic69E09706",{{"Fn::Join":["",["arn:",{{"Ref":"AWS::Partition"}},'
    '":iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"]]},{"Ref":"AWS::NoValue"}]}'
)
_CONTROLLER_SCOPES = (
    "*",
    "arn:aws:ec2:*:*:security-group/*",
    *(
        f"arn:aws:elasticloadbalancing:*:*:{kind}/*"
        for kind in (
            "loadbalancer/app/*",
            "loadbalancer/net/*",
            "targetgroup/*",
            "listener-rule/app/*/*",
            "listener-rule/net/*/*",
            "listener/app/*/*",
            "listener/net/*/*",
        )
    ),
)
# Role, what its wildcards are, and why there is nothing narrower.
_WILDCARDS = (
    (
        "load-balancer-controller",
        _CONTROLLER_SCOPES,
        "The controller's published policy: it names what it makes at run time, and tags limit it to its cluster.",
    ),
    (
        "cluster-autoscaler",
        ("*", "arn:aws:eks:{region}:{account}:nodegroup/{prefix}/*"),
        "Describing knows no resources; changing is limited by tag to the groups of this cluster.",
    ),
    ("external-dns", ("*",), "Listing zones knows no resources; records may be written in the stage's own zone only."),
    ("telemetry", ("*",), "X-Ray knows no resources to name in a policy."),
    (
        "logs",
        ("arn:aws:logs:{region}:{account}:log-group:/aws/eks/{prefix}/pods:*",),
        "Streams of one log group; each pod has its own.",
    ),
)

CLUSTER: tuple[Acknowledged, ...] = (
    *_framework(),
    *(
        Acknowledged("identity", f"Role-{role}/DefaultPolicy", INLINE, ONE_ROLE)
        for role in (
            "payments",
            "worker",
            "external-secrets",
            "ebs-csi",
            "alerts",
            *(name for name, _, _ in _WILDCARDS),
        )
    ),
    *(
        Acknowledged(
            "identity",
            f"Role-{role}/DefaultPolicy",
            tuple(f"AwsSolutions-IAM5[Resource::{scope}]" for scope in scopes),
            reason,
        )
        for role, scopes, reason in _WILDCARDS
    ),
    *(
        Acknowledged(
            "registry",
            f"{role}Role/DefaultPolicy",
            (*INLINE, "AwsSolutions-IAM5[Resource::*]"),
            f"Logging in to the registry knows no resources; pushing names the repositories. {ONE_ROLE}",
        )
        for role in ("Push", "Deploy")
    ),
    Acknowledged(
        "cluster",
        "Cluster/Role",
        (f"AwsSolutions-IAM4[Policy::{_EKS_POLICY}/AmazonEKSClusterPolicy]",),
        "The policy that EKS requires of a cluster's role; AWS extends it with the control plane.",
    ),
    Acknowledged(
        "cluster",
        "NodeRole",
        tuple(
            f"AwsSolutions-IAM4[Policy::{_EKS_POLICY}/{name}]"
            for name in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
        ),
        "The policies that EKS requires of nodes; pods cannot reach the node's role (hop limit of one).",
    ),
    Acknowledged(
        "identity",
        "Role-ebs-csi",
        (f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AmazonEBSCSIDriverPolicy]",),
        "The driver's published policy, limited by tag to the volumes that it made.",
    ),
    Acknowledged(
        "identity",
        "Endpoints",
        ("AwsSolutions-SMG4", "NIST.800.53.R5-SecretsManagerRotationEnabled"),
        "Host names, kept beside the passwords so that pods have one source; there is nothing to rotate.",
    ),
)
