"""Where a request comes from: the peer of the connection, or what our own load balancers say of it."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
_LONGEST_CHAIN = 32


def networks(texts: Sequence[str]) -> list[Network]:
    """Read networks such as ``10.0.0.0/16``; raises ValueError."""
    return [ip_network(text) for text in texts]


def client_address(peer: str, forwarded_for: bytes, trusted: Sequence[Network]) -> str:
    """Return the address of the client.

    Only peers in ``trusted`` are believed. Each of them adds the address it saw at the end of X-Forwarded-For, so the
    client is the last one that is not one of them; whatever a client wrote into the header itself stands before that.
    """
    address = peer
    chain = forwarded_for.decode("latin-1").split(",")[-_LONGEST_CHAIN:] if forwarded_for else []
    while chain and _within(address, trusted):
        said = chain.pop().strip()
        if _canonical(said) is None:
            break
        address = said
    return _canonical(address) or address


def bucket(address: str) -> str:
    """Return what is limited together: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False).network_address)
    return address


def _canonical(address: str) -> str | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def _within(address: str, trusted: Sequence[Network]) -> bool:
    canonical = _canonical(address)
    return canonical is not None and any(ip_address(canonical) in network for network in trusted)
