"""`payments doctor --aws`: each look, once fine and once not; against moto, and stubs where it lacks an API."""

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from socketserver import BaseRequestHandler, UDPServer
from types import SimpleNamespace
from typing import Any

import boto3
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdk.bundle import Bundle, BundleMissingError
from cdk.doctor import __main__ as command
from cdk.doctor import account, domain, local, quotas, versions
from cdk.doctor.domain import DnsSilentError, NotDelegatedError
from cdk.doctor.look import Look
from cdk.stage_parts import Domain
from cdk.stages import DEVELOPMENT, PRODUCTION, STAGING
from payments.devtools import images
from payments.devtools.doctor import Finding

ACCOUNT = "123456789012"
REGION = "eu-central-1"


class Session(boto3.Session):
    """Gives the client that a test has put in the place of a service's."""

    def __init__(self) -> None:
        super().__init__(region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
        self.stubs: dict[str, Any] = {}

    def client(self, service_name: str, *rest: Any, **more: Any) -> Any:
        return self.stubs.get(service_name) or super().client(service_name, *rest, **more)


@pytest.fixture
def session():
    with mock_aws():
        yield Session()


@pytest.fixture
def stub(session):
    """Return a function that lets a service give these answers, in this order."""
    with ExitStack() as stack:

        def answers(service: str, *given: tuple[str, dict[str, Any] | str]) -> None:
            client = boto3.client(
                service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
            )
            stubber = stack.enter_context(Stubber(client))
            for operation, answer in given:
                if isinstance(answer, str):
                    stubber.add_client_error(operation, answer)
                else:
                    stubber.add_response(operation, answer)
            session.stubs[service] = client

        yield answers


def delegated_to(*names: str):
    return lambda _: set(names)


@pytest.fixture
def look(session):
    def make(stage=DEVELOPMENT, name_servers=None) -> Look:
        return Look(stage, session, name_servers or delegated_to(), date(2026, 12, 1))

    return make


def told(found: list[Finding]) -> str:
    return "\n".join(f"{finding.text} → {finding.fix}" for finding in found)


def well(found) -> bool:
    return all(finding.fix is None for finding in found)


# ------------------------------------------------------------------------------------------------------------- caller


def test_the_caller_is_shown_with_account_and_region(look):
    (found,) = account.caller(look())
    assert found.fix is None
    assert f"{ACCOUNT}:user/moto, region {REGION}" in found.text


def test_credentials_of_another_account_are_a_problem(look):
    (found,) = account.caller(look(replace(STAGING, account="999999999999")))
    assert "staging belongs to account 999999999999" in found.text
    assert "sign in to 999999999999" in found.fix


def test_the_root_user_is_a_problem(look, stub):
    stub("sts", ("get_caller_identity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": "1"}))
    assert "the root user" in told(account.caller(look()))


def test_a_profile_of_another_region_is_pointed_out(look):
    _, found = account.caller(look(replace(DEVELOPMENT, region="eu-west-1")))
    assert not found.known
    assert "--region eu-west-1" in found.fix


# ---------------------------------------------------------------------------------------------------------- bootstrap


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


# ------------------------------------------------------------------------------------------------- domain, certificates


@pytest.fixture
def zone(session):
    found = session.client("route53").create_hosted_zone(Name="payments.example.com", CallerReference="1")
    return Domain(name="staging.payments.example.com", hosted_zone_id=found["HostedZone"]["Id"].split("/")[-1]), [
        name.lower() for name in found["DelegationSet"]["NameServers"]
    ]


def delegation(look, zone, name_servers, **changes):
    stage = replace(STAGING, domain=replace(zone[0], **changes))
    (found,) = domain.delegation(look(stage, name_servers))
    return found


def test_a_zone_that_the_world_asks_is_fine(look, zone):
    assert delegation(look, zone, delegated_to(*zone[1])).fix is None


def test_a_zone_that_nobody_is_sent_to_says_what_the_parent_needs(look, zone):
    def nobody(_):
        raise NotDelegatedError("none")

    found = delegation(look, zone, nobody)
    assert "is not delegated" in found.text
    assert all(name in found.fix for name in zone[1])
    found = delegation(look, zone, delegated_to("ns.registrar.example"))
    assert "delegated to others: ns.registrar.example" in found.text


def test_without_dns_it_says_so_and_what_to_look_for(look, zone):
    def silent(_):
        raise DnsSilentError("no route")

    found = delegation(look, zone, silent)
    assert not found.known
    assert "DNS could not be asked from here" in found.text
    assert "dig NS payments.example.com" in found.fix


def test_a_zone_that_does_not_exist_or_holds_another_name(look, zone):
    assert "there is no hosted zone" in delegation(look, zone, delegated_to(), hosted_zone_id="Z0000").text
    assert "is not in the zone" in delegation(look, zone, delegated_to(), name="payments.example.org").text


def test_a_stage_without_an_edge_needs_no_domain(look):
    assert well(domain.delegation(look(DEVELOPMENT)))
    assert list(domain.certificates(look(DEVELOPMENT))) == []


class NameServer(BaseRequestHandler):
    """Knows one zone; of others it is told to answer something else."""

    rcode = dns.rcode.NXDOMAIN

    def handle(self) -> None:
        data, sock = self.request
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        if question.question[0].name.to_text() == "payments.example.com.":
            answer.answer = [
                dns.rrset.from_text("payments.example.com.", 60, "IN", "NS", "NS-1.example.", "ns-2.example.")
            ]
        else:
            answer.set_rcode(self.rcode)
        sock.sendto(answer.to_wire(), self.client_address)


def test_dns_is_really_asked(monkeypatch):
    with UDPServer(("127.0.0.1", 0), NameServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        assert domain.name_servers("payments.example.com", resolver) == {"ns-1.example", "ns-2.example"}
        with pytest.raises(NotDelegatedError):
            domain.name_servers("other.example.com", resolver)
        monkeypatch.setattr(NameServer, "rcode", dns.rcode.SERVFAIL)
        with pytest.raises(DnsSilentError):
            domain.name_servers("other.example.com", resolver)
        server.shutdown()


def test_certificates_are_looked_at_where_the_stage_needs_them(look, session):
    behind_cloudfront = look(STAGING.on("serverless"))
    session.client("acm", region_name="us-east-1").request_certificate(DomainName=STAGING.host)
    there, origin = domain.certificates(behind_cloudfront)
    assert there.text == f"the certificate of {STAGING.host} in us-east-1 waits for DNS"
    assert "mend the delegation" in there.fix
    assert origin.text.startswith(f"no certificate of {STAGING.origin_host} in {REGION} yet")
    assert origin.fix is None


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"Status": "ISSUED"}, "it is issued → None"),
        ({"Status": "VALIDATION_TIMED_OUT"}, "it is VALIDATION_TIMED_OUT → delete it"),
        ({"Status": "ISSUED", "RenewalSummary": {"RenewalStatus": "FAILED"}}, "it could not be renewed"),
    ],
)
def test_certificates_that_will_not_do(certificate, words):
    assert words in told([domain._certificate(certificate, "it")])


# ------------------------------------------------------------------------------------------------------------- quotas


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
    assert "--quota-code L-0263D0A3 --desired-value 6 --region eu-central-1" in found[1].fix
    # Six nodes of two cores; twenty of four, the largest that the spot group may take.
    assert found[2].text == "vCPUs on demand, with every node: 12 for this stage, 32 allowed"
    assert found[3].text == "vCPUs on spot, with every node: 80 for this stage, 32 allowed"
    assert [finding.fix is None for finding in found] == [True, False, True, False]


def test_lambda_needs_what_is_reserved_and_what_may_not_be(look, session, stub):
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    session.client("cloudformation").create_stack(StackName="payments-development-network", TemplateBody=body)
    # A new account's own value; then one that was never changed.
    stub("service-quotas", ("get_service_quota", quota(10)))
    (found,) = quotas.quotas(look(DEVELOPMENT))
    assert "122 for this stage, 10 allowed" in found.text
    assert "--desired-value 122" in found.fix
    stub(
        "service-quotas",
        ("get_service_quota", "NoSuchResourceException"),
        ("get_aws_default_service_quota", quota(1000)),
    )
    assert well(quotas.quotas(look(DEVELOPMENT)))


# ----------------------------------------------------------------------------------------------------------- versions


def kubernetes(status: str, ends: datetime) -> tuple[str, dict[str, Any]]:
    found = {"clusterVersion": "1.35", "versionStatus": status, "endOfStandardSupportDate": ends}
    return "describe_cluster_versions", {"clusterVersions": [found]}


def addons(**instead: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            "describe_addon_versions",
            {
                "addons": [
                    {
                        "addonVersions": [
                            {
                                "addonVersion": instead.get(name.replace("-", "_"), version),
                                "compatibilities": [{"defaultVersion": True}],
                            }
                        ]
                    }
                ]
            },
        )
        for name, (version, _) in versions.ADDONS.items()
    ]


def test_kubernetes_and_its_add_ons_are_asked_for(look, stub):
    stub("eks", kubernetes("STANDARD_SUPPORT", datetime(2027, 3, 27, tzinfo=UTC)), *addons())
    found = list(versions.eks(look(STAGING)))
    assert found[0].text == "Kubernetes 1.35 is supported until 2027-03-27"
    assert len(found) == 1 + len(versions.ADDONS)
    assert well(found)


def test_versions_that_end_or_do_not_exist_are_problems(look, stub):
    stub("eks", kubernetes("STANDARD_SUPPORT", datetime(2027, 2, 1, tzinfo=UTC)), *addons(coredns="v1.14.0"))
    found = told(versions.eks(look(STAGING)))
    assert "upgrade now: one minor version at a time" in found
    assert "no add-on coredns v1.13.2-eksbuild.1 for 1.35 → take v1.14.0" in found
    stub("eks", kubernetes("EXTENDED_SUPPORT", datetime(2026, 1, 1, tzinfo=UTC)), *addons())
    assert "in extended support" in told(versions.eks(look(STAGING)))
    stub("eks", ("describe_cluster_versions", {"clusterVersions": []}))
    assert "EKS has no Kubernetes 1.35" in told(versions.eks(look(STAGING)))


def lifecycle(*ends: datetime) -> tuple[str, dict[str, Any]]:
    cycles = [
        {
            "LifecycleSupportName": "open-source-rds-standard-support",
            "LifecycleSupportStartDate": datetime(2025, 11, 14, tzinfo=UTC),
            "LifecycleSupportEndDate": end,
        }
        for end in ends
    ]
    major = {"Engine": "postgres", "MajorEngineVersion": "18", "SupportedEngineLifecycles": cycles}
    return "describe_db_major_engine_versions", {"DBMajorEngineVersions": [major]}


def test_postgresql(look, stub):
    offered = ("describe_db_engine_versions", {"DBEngineVersions": [{"EngineVersion": "18.3"}]})
    stub("rds", offered, lifecycle(datetime(2031, 2, 28, tzinfo=UTC)))
    assert told(versions.postgres(look())) == "PostgreSQL 18.3 is supported until 2031-02-28 → None"
    stub("rds", offered, lifecycle())
    (found,) = versions.postgres(look())
    assert not found.known
    stub("rds", ("describe_db_engine_versions", {"DBEngineVersions": []}))
    assert "RDS has no PostgreSQL 18.3" in told(versions.postgres(look()))


def test_valkey_and_python(look, stub):
    offered = ("describe_cache_engine_versions", {"CacheEngineVersions": [{"EngineVersion": "8.1"}]})
    stub("elasticache", offered)
    assert "valkey.io/topics/releases" in told(versions.valkey(look()))
    assert well(versions.runtime(look()))
    stub("elasticache", offered)
    late = replace(look(), today=date(2029, 6, 1))
    assert "upgrade now" in told(versions.valkey(late))
    assert "upgrade now" in told(versions.runtime(late))
    stub("elasticache", ("describe_cache_engine_versions", {"CacheEngineVersions": []}))
    assert "ElastiCache has no Valkey 8.1" in told(versions.valkey(look()))


# ------------------------------------------------------------------------------------------------------ working copy


def test_the_bundle(look, monkeypatch, tmp_path):
    monkeypatch.setattr(local, "existing", lambda: Bundle(tmp_path / "lambda-arm64.zip", "abcdef" * 10, 1))
    assert told(local.bundle(look())) == "the Lambda bundle is there: lambda-arm64.zip, abcdefabcdef → None"

    def missing():
        raise BundleMissingError("There is no Lambda bundle yet. Run `make bundle` first.")

    monkeypatch.setattr(local, "existing", missing)
    assert told(local.bundle(look())) == "There is no Lambda bundle yet → Run `make bundle` first."
    assert list(local.bundle(look(STAGING))) == []


def test_images_are_pinned_and_pushed(look, session, monkeypatch, tmp_path):
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    missing = list(local.pinned_images(look(STAGING)))
    assert [finding.text for finding in missing] == [f"the image of {name} is not pinned" for name in images.NAMES]
    assert "payments images pin gateway=REPOSITORY@sha256:… --stage staging" in missing[0].fix

    ecr = session.client("ecr")
    ecr.create_repository(repositoryName="payments-staging/gateway")
    pushed = ecr.put_image(
        repositoryName="payments-staging/gateway",
        imageManifest='{"schemaVersion": 2, "config": {}, "layers": []}',
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        imageTag="1",
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    other = f"sha256:{64 * '0'}"
    (tmp_path / "staging.json").write_text(
        f'{{"gateway": "{host}/payments-staging/gateway@{digest}",'
        f' "payments": "{host}/payments-staging/gateway@{other}"}}'
    )
    assert well(local.pinned_images(look(STAGING)))
    there, gone = local.pushed_images(look(STAGING))
    assert there.text == "the registry has the image of gateway"
    assert gone.text.endswith(f"@{other} does not exist")
    # Lambda runs a bundle.
    assert list(local.pinned_images(look(STAGING.on("serverless")))) == []
    assert list(local.pushed_images(look(STAGING.on("serverless")))) == []


# ------------------------------------------------------------------------------------------------------------ command


def test_one_look_that_may_not_see_does_not_end_the_others(look, monkeypatch, stub):
    stub("rds", ("describe_db_engine_versions", "AccessDenied"))
    monkeypatch.setattr(command, "HERE", ())
    monkeypatch.setattr(command, "THERE", (versions.postgres, versions.runtime))
    _, refused, fine = command.examine(look())
    assert not refused.known
    assert "AccessDenied" in refused.text
    assert fine.fix is None


def test_without_credentials_it_says_how_to_get_them(monkeypatch, tmp_path, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(command, "HERE", ())
    assert command.main(["--stage", "development"]) == 1
    shown = capsys.readouterr().out
    assert "no credentials of AWS" in shown
    assert "aws sts get-caller-identity" in shown
    assert "development on serverless: 1 to mend, 0 to look at yourself" in shown


def test_a_stage_that_does_not_exist_is_refused(capsys):
    assert command.main(["--stage", "prod"]) == 2
    assert "choose one of development, staging, production" in capsys.readouterr().err


def test_nothing_is_changed(look, session, monkeypatch, tmp_path):
    """Every call that any look makes only reads."""
    called = []

    def note(model, **_):
        called.append(model.name)
        if model.service_model.service_name not in ("sts", "ssm", "cloudformation", "route53", "acm", "ec2", "ecr"):
            # Moto does not know the operation.
            return SimpleNamespace(status_code=403), {"Error": {"Code": "AccessDenied", "Message": "no"}}
        return None

    session.events.register("before-call.*.*", note)
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    for stage in (DEVELOPMENT, STAGING, PRODUCTION.on("serverless")):
        list(command.examine(look(stage)))
    assert {"GetCallerIdentity", "GetHostedZone", "GetServiceQuota", "DescribeClusterVersions"} <= set(called)
    assert [name for name in called if not name.startswith(("Get", "Describe", "List"))] == []
