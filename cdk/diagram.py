"""Draws the stacks of a synthesized stage as a Mermaid graph: `python -m cdk.diagram cdk.out/production`.

docs/INFRASTRUCTURE.md holds what this prints, and a test holds it to that.
"""

import json
import sys
from collections import Counter
from pathlib import Path

# What is worth seeing of a stack; policies, rules and associations are detail.
_SHOWN = {
    "AWS::ApiGatewayV2::Api": "HTTP API",
    "AWS::Backup::BackupPlan": "backup plan",
    "AWS::Budgets::Budget": "budget",
    "AWS::CertificateManager::Certificate": "certificate",
    "AWS::CloudFront::Distribution": "CloudFront",
    "AWS::CloudTrail::Trail": "audit trail",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::EC2::Instance": "NAT instance",
    "AWS::EC2::NatGateway": "NAT gateway",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "VPC",
    "AWS::ECR::Repository": "image repository",
    "AWS::EKS::Cluster": "EKS cluster",
    "AWS::EKS::Nodegroup": "node group",
    "AWS::EKS::PodIdentityAssociation": "pod identity",
    "AWS::ElastiCache::ReplicationGroup": "Valkey",
    "AWS::GuardDuty::Detector": "threat detector",
    "AWS::IAM::Role": "role",
    "AWS::KMS::Key": "key",
    "AWS::Lambda::Alias": "alias",
    "AWS::Lambda::Function": "function",
    "AWS::RDS::DBInstance": "PostgreSQL",
    "AWS::Route53::RecordSet": "DNS record",
    "AWS::SQS::Queue": "queue",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::WAFv2::WebACL": "firewall",
    "Custom::AWSCDK-EKS-HelmChart": "Helm chart",
    "Custom::AWSCDK-EKS-KubernetesResource": "Kubernetes chart",
}


def draw(assembly: Path, prefix: str) -> str:
    """Return the graph: a box per stack with what is in it, an arrow to each stack that it needs."""
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {name: a for name, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}
    lines = ["```mermaid", "graph LR"]
    for name in sorted(stacks):
        template = json.loads((assembly / f"{name}.template.json").read_text(encoding="utf-8"))
        kinds = Counter(_SHOWN.get(resource["Type"], "") for resource in template["Resources"].values())
        content = "<br>".join(_counted(kind, count) for kind, count in sorted(kinds.items()) if kind)
        lines.append(f'    {_short(name, prefix)}["<b>{_short(name, prefix)}</b><br>{content}"]')
    for name, artifact in sorted(stacks.items()):
        needed = sorted(other for other in artifact.get("dependencies", []) if other in stacks)
        lines.extend(f"    {_short(name, prefix)} --> {_short(other, prefix)}" for other in needed)
    return "\n".join([*lines, "```"])


def _counted(kind: str, count: int) -> str:
    return kind if count == 1 else f"{count} × {kind}"  # noqa: RUF001  a multiplication sign is meant


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(f"{prefix}-")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(draw(folder, f"payments-{folder.name}"))  # noqa: T201  this is what it is for
