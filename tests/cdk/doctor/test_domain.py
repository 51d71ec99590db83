"""The zone, whom the world asks about it, and the certificates."""

import threading
from dataclasses import replace
from socketserver import BaseRequestHandler, UDPServer

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from cdk.doctor import domain
from cdk.doctor.domain import DnsSilentError, NotDelegatedError
from cdk.stage_parts import Domain
from cdk.stages import DEVELOPMENT, STAGING
from tests.cdk.doctor.support import REGION, delegated_to, told, well


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
    assert all(name in str(found.fix) for name in zone[1])
    found = delegation(look, zone, delegated_to("ns.registrar.example"))
    assert "delegated to others: ns.registrar.example" in found.text


def test_without_dns_it_says_so_and_what_to_look_for(look, zone):
    def silent(_):
        raise DnsSilentError("no route")

    found = delegation(look, zone, silent)
    assert not found.known
    assert "DNS could not be asked from here" in found.text
    assert "dig NS payments.example.com" in str(found.fix)


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
    assert "mend the delegation" in str(there.fix)
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
