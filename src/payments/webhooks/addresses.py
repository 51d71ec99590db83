"""Which addresses we connect to on a merchant's behalf: public ones, judged by the address and not by the name.

A name is resolved once, every address it has is judged, and the connection goes to an address that was judged. So a
name that changes its mind in between (DNS rebinding) gains nothing. Loopback is let in where a developer's own machine
is the receiver; private networks never.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Translates to an IPv4 address in its last 32 bits (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
# The same for use within one network (RFC 8215); what it leads to is nobody's business from outside.
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")


class RefusedError(ValueError):
    """We do not send there; the text says why."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address of a name, by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Judges URLs when they are saved, and addresses when they are dialed."""

    def __init__(self, *, allow_loopback: bool, resolve: Resolve = resolve) -> None:
        """Take whether this machine itself may be a receiver."""
        self._allow_loopback = allow_loopback
        self._resolve = resolve

    async def check(self, url: str) -> None:
        """Judge a URL and whatever its name resolves to now.

        Raises:
            RefusedError: it is none, not https, or not on a public address.

        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 443
        except ValueError:
            raise RefusedError("this is not a URL") from None
        if (
            parts.scheme not in ("https", "http")
            or not host
            or not url.isascii()
            or not url.isprintable()
            or " " in url
        ):
            raise RefusedError("send a URL of the form https://host/path, in ASCII")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise RefusedError("leave out user names, passwords and fragments")
        addresses = await self.addresses(host, port)
        if parts.scheme == "http" and not all(_unwrapped(address).is_loopback for address in addresses):
            raise RefusedError("use https")

    async def addresses(self, host: str, port: int) -> list[IpAddress]:
        """Return the addresses of a host, all of which may be dialed.

        Raises:
            RefusedError: it has none, or one that may not.

        """
        try:
            found = [ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError):
            found = []
        if not found:
            raise RefusedError("the name does not resolve to an address")
        if not all(self._permits(address) for address in found):
            raise RefusedError("the name resolves to an address that is not public")
        return found

    def _permits(self, address: IpAddress) -> bool:
        inner = _unwrapped(address)
        if inner.is_loopback:
            return self._allow_loopback
        return inner.is_global and not inner.is_multicast and inner not in _LOCAL_NAT64


def _unwrapped(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
