"""The stage's domain: its zone, who is asked about it in the world, and the certificates."""

from collections.abc import Iterator

import dns.exception
import dns.resolver

from cdk.doctor.look import EDGE_REGION, Look
from payments.devtools.doctor import Finding

_DNS_SECONDS = 10.0


class NotDelegatedError(Exception):
    """DNS answers that nobody is responsible for the name."""


class DnsSilentError(Exception):
    """DNS gave no answer, so nothing is known."""


def name_servers(zone: str, resolver: dns.resolver.Resolver | None = None) -> set[str]:
    """Return whom the public DNS names as responsible for a zone.

    Raises:
        NotDelegatedError: nobody.
        DnsSilentError: no answer.
    """
    try:
        # The search list of this machine must not make a name out of another one.
        answer = (resolver or dns.resolver.Resolver()).resolve(zone, "NS", search=False, lifetime=_DNS_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
        raise NotDelegatedError(str(error)) from error
    except (dns.exception.DNSException, OSError) as error:
        raise DnsSilentError(str(error)) from error
    return {str(server.target).rstrip(".").lower() for server in answer}


def delegation(look: Look) -> Iterator[Finding]:
    """The hosted zone exists, holds the stage's name, and the world asks its name servers."""
    domain = look.stage.domain
    if domain is None or (look.on_lambda and not look.stage.edge.enabled):
        yield Finding("no domain is needed: clients use the URL that AWS gives the HTTP API")
        return
    client = look.client("route53")
    try:
        found = client.get_hosted_zone(Id=domain.hosted_zone_id)
    except (client.exceptions.NoSuchHostedZone, client.exceptions.InvalidInput):
        yield Finding(
            f"there is no hosted zone {domain.hosted_zone_id}",
            "`aws route53 create-hosted-zone`, then its id into `domain` of the stage in cdk/stages.py",
        )
        return
    zone = found["HostedZone"]["Name"].rstrip(".")
    if found["HostedZone"].get("Config", {}).get("PrivateZone"):
        yield Finding(f"the zone {zone} is private", "certificates and clients need a public one: make it, and name it")
    elif domain.name != zone and not domain.name.endswith(f".{zone}"):
        yield Finding(f"{domain.name} is not in the zone {zone}", "correct `domain` of the stage in cdk/stages.py")
    else:
        yield _asked(look, zone, {name.lower() for name in found["DelegationSet"]["NameServers"]})


def _asked(look: Look, zone: str, ours: set[str]) -> Finding:
    mend = f"in the zone above {zone}, set its NS record to: {', '.join(sorted(ours))}"
    try:
        theirs = look.name_servers(zone)
    except NotDelegatedError:
        return Finding(f"{zone} is not delegated: DNS knows no name servers of it", mend)
    except DnsSilentError as error:
        return Finding(
            f"the hosted zone {zone} exists; DNS could not be asked from here whether it is delegated ({error})",
            f"where DNS answers, `dig NS {zone}` has to show: {', '.join(sorted(ours))}",
            known=False,
        )
    if theirs != ours:
        return Finding(f"{zone} is delegated to others: {', '.join(sorted(theirs))}", mend)
    return Finding(f"{zone} is delegated to its hosted zone")


def certificates(look: Look) -> Iterator[Finding]:
    """Those that exist are valid, and renew themselves."""
    stage = look.stage
    if stage.domain is None or (look.on_lambda and not stage.edge.enabled):
        return
    wanted = [(EDGE_REGION, stage.host), (stage.region, stage.origin_host)]
    for region, host in wanted if look.on_lambda else [(stage.region, stage.host)]:
        client = look.client("acm", region)
        pages = client.get_paginator("list_certificates").paginate()
        arns = [
            each["CertificateArn"]
            for page in pages
            for each in page["CertificateSummaryList"]
            if each["DomainName"] == host
        ]
        found = [client.describe_certificate(CertificateArn=arn)["Certificate"] for arn in arns]
        if not found:
            yield Finding(f"no certificate of {host} in {region} yet: its stack orders it")
        for each in found:
            yield _certificate(each, f"the certificate of {host} in {region}")


def _certificate(found: dict[str, object], text: str) -> Finding:
    state, renewal = found["Status"], found.get("RenewalSummary")
    if state == "PENDING_VALIDATION":
        return Finding(f"{text} waits for DNS", "mend the delegation; validation goes on by itself, for 72 hours")
    if state != "ISSUED":
        return Finding(f"{text} is {state}", "delete it and deploy its stack again")
    if isinstance(renewal, dict) and renewal.get("RenewalStatus") == "FAILED":
        return Finding(f"{text} could not be renewed", "its validation record has to be in the zone: deploy its stack")
    return Finding(f"{text} is issued")
