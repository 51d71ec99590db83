"""What an account has once, and another deployment, or people, may have made already."""

from collections.abc import Iterator

from cdk.doctor.look import Look
from payments.devtools.doctor import Finding

_GITHUB = "oidc-provider/token.actions.githubusercontent.com"


def threat_detector(look: Look) -> Iterator[Finding]:
    """A stage that brings GuardDuty is the first to: a region has one detector."""
    if not look.stage.security.guard_duty or look.deployed("security"):
        return
    found = look.client("guardduty").list_detectors()["DetectorIds"]
    if found:
        yield Finding(
            f"GuardDuty watches {look.stage.region} already (detector {found[0]}), and there can be only one: the "
            "stack security would fail",
            "`security=Security(guard_duty=False, …)` of the stage in cdk/stages.py; the account stays watched",
        )
    else:
        yield Finding("no detector of GuardDuty yet: the stack security makes it")


def identity_provider(look: Look) -> Iterator[Finding]:
    """GitHub's identity provider is made by one stage of the account, and there for the others."""
    if look.on_lambda or look.deployed("registry"):
        return
    providers = look.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    there = any(provider["Arn"].endswith(_GITHUB) for provider in providers)
    makes = look.stage.delivery.create_provider
    if there and makes:
        yield Finding(
            "the account has GitHub's identity provider already, and there can be only one: the stack registry would "
            "fail",
            "`delivery=Delivery(create_provider=False, …)` of the stage in cdk/stages.py",
        )
    elif makes or there:
        yield Finding(f"GitHub's identity provider {'is there' if there else 'comes with the stack registry'}")
    else:
        yield Finding(
            "the account does not have GitHub's identity provider, which the stage was told it has",
            "`delivery=Delivery(create_provider=True, …)` of the stage in cdk/stages.py",
        )
