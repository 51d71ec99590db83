"""Images, and who may push and deploy them: GitHub Actions by its own identity, without stored keys."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage

IMAGES = ("gateway", "payments")

_ISSUER = "token.actions.githubusercontent.com"
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


class RegistryStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage, *, key: kms.IKey) -> None:
        super().__init__(scope, "registry", stage, description="Image repositories and the roles of the pipeline")
        self.repositories = [self._repository(image, key) for image in IMAGES]
        provider = self._provider()
        # Anything merged to main may push to the first stage; what deploys needs the environment's approval.
        self._role("push", provider, "ref:refs/heads/main", self._may_push())
        self._role("deploy", provider, f"environment:{stage.name}", [*self._may_push(), self._may_deploy()])

    def _repository(self, image: str, key: kms.IKey) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            image.title(),
            repository_name=self.stage.repository(image),
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=key,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="Forget untagged layers",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=cdk.Duration.days(7),
                ),
                ecr.LifecycleRule(description="Keep the releases that one may roll back to", max_image_count=50),
            ],
            removal_policy=self.removal,
            empty_on_delete=not self.stage.protected,
        )
        for account in self.stage.delivery.promotes_to:
            repository.grant_pull(iam.AccountPrincipal(account))
        return repository

    def _provider(self) -> str:
        """Return the ARN of GitHub's identity provider; an account has one at most."""
        if self.stage.delivery.create_provider:
            provider = iam.OidcProviderNative(
                self,
                "GitHub",
                url=f"https://{_ISSUER}",
                client_ids=["sts.amazonaws.com"],
                removal_policy=cdk.RemovalPolicy.RETAIN,
            )
            return provider.oidc_provider_arn
        return self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=_ISSUER)

    def _role(self, name: str, provider: str, subject: str, statements: list[iam.PolicyStatement]) -> None:
        role = iam.Role(
            self,
            f"{name.title()}Role",
            role_name=self.stage.role(f"github-{name}"),
            description=f"GitHub Actions, {subject}",
            max_session_duration=cdk.Duration.hours(1),
            assumed_by=iam.WebIdentityPrincipal(
                provider,
                {
                    "StringEquals": {
                        f"{_ISSUER}:aud": "sts.amazonaws.com",
                        f"{_ISSUER}:sub": f"repo:{self.stage.delivery.repository}:{subject}",
                    }
                },
            ),
        )
        for statement in statements:
            role.add_to_policy(statement)
        self.output(f"{name.title()}RoleArn", role.role_arn, f"For GitHub Actions to {name}")

    def _may_push(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(actions=list(_PUSH), resources=[r.repository_arn for r in self.repositories]),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        ]

    def _may_deploy(self) -> iam.PolicyStatement:
        """Take the roles that `cdk bootstrap` made: they are what may change the account."""
        return iam.PolicyStatement(
            actions=["sts:AssumeRole"],
            resources=[
                self.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"cdk-hnb659fds-{kind}-role-{self.account}-{region}",
                )
                for kind in ("deploy", "file-publishing", "lookup")
                for region in sorted({self.region, "us-east-1"})
            ],
        )
