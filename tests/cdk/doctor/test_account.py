"""Whose account it is, whether CDK may deploy to it, and its quotas."""

from dataclasses import replace
from typing import Any

import pytest

from cdk.doctor import account, quotas, shared
from cdk.stages import DEVELOPMENT, PRODUCTION, STAGES, STAGING, stage_named
from tests.cdk.doctor.support import ACCOUNT, REGION, told, well


def test_the_caller_is_shown_with_account_and_region(look):
    (found,) = account.caller(look())
    assert found.fix is None
    assert f"{ACCOUNT}:user/moto, region {REGION}" in found.text


def test_credentials_of_another_account_are_a_problem(look):
    (found,) = account.caller(look(replace(STAGING, account="999999999999")))
    assert "staging belongs to account 999999999999" in found.text
    assert "sign in to 999999999999" in str(found.fix)


def test_the_root_user_is_a_problem(look, stub):
    stub("sts", ("get_caller_identity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": "1"}))
    assert "the root user" in told(account.caller(look()))


def test_a_profile_of_another_region_is_pointed_out(look):
    _, found = account.caller(look(replace(DEVELOPMENT, region="eu-west-1")))
    assert not found.known
    assert "--region eu-west-1" in str(found.fix)


def bootstrapped(session, region: str = REGION, version: str = "30", stack: str | None = "CDKToolkit") -> None:
    session.client("ssm", region_name=region).put_parameter(Name=account._VERSION, Value=version, Type="String")
    if stack:
        body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
        session.client("cloudformation", region_name=region).create_stack(StackName=stack, TemplateBody=body)


def test_every_region_of_the_stage_is_bootstrapped(look, session):
    behind_cloudfront = look(STAGING.on("serverless"))
    bootstrapped(session)
    fine, missing = account.bootstrap(behind_cloudfront)
    assert fine.text == "eu-central-1 is bootstrapped for CDK, version 30"
    assert missing.text == "us-east-1 is not bootstrapped for CDK"
    assert missing.fix == f"`cdk bootstrap aws://{ACCOUNT}/us-east-1`"
    bootstrapped(session, "us-east-1")
    assert well(account.bootstrap(behind_cloudfront))
    assert len(list(account.bootstrap(look(STAGING)))) == 1


def test_a_bootstrap_that_is_too_old_is_a_problem(look, session):
    bootstrapped(session, version="5")
    assert "version 5, older than 8" in told(account.bootstrap(look()))


def test_a_bootstrap_without_its_stack_is_pointed_out(look, session):
    bootstrapped(session, stack=None)
    (found,) = account.bootstrap(look())
    assert (found.known, "no stack CDKToolkit" in found.text) == (False, True)


def test_the_version_asked_for_is_the_assemblies(any_assembly):
    assert f'"requiresBootstrapStackVersion": {account._NEEDED}' in (
        any_assembly.folder / "assembly" / "manifest.json"
    ).read_text(encoding="utf-8")


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def test_quotas_count_what_is_there_already(look, session, stub):
    for _ in range(3):
        session.client("ec2").allocate_address(Domain="vpc")
    answers = [("get_service_quota", quota(value)) for value in (5, 5, 32, 32)]
    stub("service-quotas", *answers)
    found = list(quotas.quotas(look(PRODUCTION)))
    # One VPC is everybody's default.
    assert found[0].text == "VPCs: 1 for this stage beside 1, 5 allowed"
    assert found[1].text == "elastic IPs of NAT gateways: 3 for this stage beside 3, 5 allowed"
    assert "--quota-code L-0263D0A3 --desired-value 6 --region eu-central-1" in str(found[1].fix)
    # Six nodes of two cores; twenty of four, the largest that the spot group may take.
    assert found[2].text == "vCPUs on demand, with every node: 12 for this stage, 32 allowed"
    assert found[3].text == "vCPUs on spot, with every node: 80 for this stage, 32 allowed"
    assert [finding.fix is None for finding in found] == [True, False, True, False]


def test_lambda_needs_what_is_reserved_and_what_may_not_be(look, session, stub):
    deployed(session, DEVELOPMENT, "network")
    # A new account's own value; then one that was never changed.
    stub("service-quotas", ("get_service_quota", quota(10)))
    (found,) = quotas.quotas(look(DEVELOPMENT))
    # 20 requests, 2 of the worker, a migration, and what nobody may reserve.
    assert "123 for this stage, 10 allowed" in found.text
    assert "--desired-value 123" in str(found.fix)
    stub(
        "service-quotas",
        ("get_service_quota", "NoSuchResourceException"),
        ("get_aws_default_service_quota", quota(1000)),
    )
    assert well(quotas.quotas(look(DEVELOPMENT)))


@pytest.mark.parametrize("name", STAGES)
def test_what_is_reserved_is_what_the_functions_reserve(assembly, name):
    functions = assembly(name, "serverless").resources("AWS::Lambda::Function", "serverless").values()
    reserved = [each["Properties"].get("ReservedConcurrentExecutions", 0) for each in functions]
    assert sum(reserved) == sum(stage_named(name).reservations.values())


def test_an_elastic_ip_is_for_gateways_only(look, stub):
    stub("service-quotas", ("get_service_quota", quota(5)), ("get_service_quota", quota(1000)))
    assert [finding.text.partition(":")[0] for finding in quotas.quotas(look(DEVELOPMENT))] == [
        "VPCs",
        "concurrent executions, 100 of them not reserved",
    ]


def deployed(session, stage, area: str) -> None:
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    session.client("cloudformation").create_stack(StackName=f"{stage.prefix}-{area}", TemplateBody=body)


def test_a_detector_of_somebody_else_is_a_problem(look, session):
    assert well(shared.threat_detector(look(PRODUCTION)))
    session.client("guardduty").create_detector(Enable=True)
    (found,) = shared.threat_detector(look(PRODUCTION))
    assert "GuardDuty watches eu-central-1 already" in found.text
    assert "guard_duty=False" in str(found.fix)
    assert list(shared.threat_detector(look(STAGING))) == []
    # Then it is the stage's own.
    deployed(session, PRODUCTION, "security")
    assert list(shared.threat_detector(look(PRODUCTION))) == []


def test_githubs_identity_provider_is_made_once(look, session):
    without = look(replace(PRODUCTION, delivery=replace(PRODUCTION.delivery, create_provider=False)))
    assert well(shared.identity_provider(look(PRODUCTION)))
    assert "create_provider=True" in told(shared.identity_provider(without))
    session.client("iam").create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )
    assert "create_provider=False" in told(shared.identity_provider(look(PRODUCTION)))
    assert well(shared.identity_provider(without))
    assert list(shared.identity_provider(look(DEVELOPMENT))) == []
    deployed(session, PRODUCTION, "registry")
    assert list(shared.identity_provider(look(PRODUCTION))) == []
