"""Requests go to judged addresses only, whatever a name says a moment later."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from payments.webhooks.addresses import Guard, RefusedError
from payments.webhooks.sender import Outcome, Sender
from tests.webhooks.receiver import Receiver

NAME = "shop.example"


class Names:
    """A resolver that answers differently each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0)


async def post(sender: Sender, url: str) -> Outcome:
    return await sender.send(url, {"x-one": "1"}, b"{}", asyncio.Event())


async def test_a_name_that_moves_inside_after_it_was_saved_gets_nothing():
    names = Names(["93.184.215.14"], ["127.0.0.1"], ["93.184.215.14", "10.0.0.1"])
    guard = Guard(allow_loopback=False, resolve=names)
    async with Receiver() as receiver:
        url = f"https://{NAME}:{receiver.port}/hook"
        await guard.check(url)
        sender = Sender(guard)
        for _ in range(2):
            outcome = await post(sender, url)
            assert outcome.status is None
            assert outcome.error == "refused: the name resolves to an address that is not public"
        await sender.close()
        assert receiver.seen == []


async def test_the_judged_address_is_dialed_and_the_name_stays_in_tls_and_host(tmp_path: Path):
    served, trusted = certificate(tmp_path, NAME)
    # Whoever looked the name up again would be sent to a private address.
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with Receiver(certificate=served) as receiver:
        served.sni_callback = lambda _, name, __: receiver.asked_for.append(name or "")
        sender = Sender(Guard(allow_loopback=True, resolve=names), trusted)
        for _ in range(2):  # the second one on the same connection
            assert (await post(sender, f"https://{NAME}:{receiver.port}/hook")).status == 204
        await sender.close()
        assert receiver.asked_for == [NAME]
        assert [message.headers["host"] for message in receiver.seen] == [f"{NAME}:{receiver.port}"] * 2
    assert names.asked == [NAME]


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path):
    served, trusted = certificate(tmp_path, "other.example")
    async with Receiver(certificate=served) as receiver:
        sender = Sender(Guard(allow_loopback=True, resolve=Names(["127.0.0.1"])), trusted)
        outcome = await post(sender, f"https://{NAME}:{receiver.port}/")
        await sender.close()
    assert (outcome.status, outcome.error) == (None, "the certificate is not valid for this name")
    assert receiver.seen == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_loopback_is_for_development(address):
    await Guard(allow_loopback=True, resolve=Names([address])).check("http://localhost:1/")
    with pytest.raises(RefusedError):
        await Guard(allow_loopback=False, resolve=Names([address])).check("https://localhost:1/")


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.16.0.1", "169.254.169.254", "fe80::1", "fc00::1", "2002:a00:1::", "64:ff9b:1::1"]
)
@pytest.mark.parametrize("allowed", [True, False])
async def test_private_addresses_never(address, allowed):
    with pytest.raises(RefusedError):
        await Guard(allow_loopback=allowed, resolve=Names([address])).check("https://x.example/")


async def test_nobody_there_is_an_outcome():
    async with Receiver() as receiver:
        pass
    sender = Sender(Guard(allow_loopback=True))
    assert (await post(sender, receiver.url)).error == "cannot connect"
    await sender.close()


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    both = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(both + made.public_bytes(pem))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder / "server.pem")
    return served, ssl.create_default_context(cadata=made.public_bytes(pem).decode())
