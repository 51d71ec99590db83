"""Free TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range that kernels hand to outgoing connections, so that none of those takes a port between choice and use.
RANGE = range(20_000, 32_000)
_ATTEMPTS = 200


def free_port(preferred: int | None = None) -> int:
    """A port nobody listens on: `preferred` if it is free, otherwise any.

    Raises:
        OSError: no port was free, which means that something else is wrong.
    """
    if preferred is not None and is_free(preferred):
        return preferred
    for port in random.SystemRandom().sample(RANGE, _ATTEMPTS):
        if is_free(port):
            return port
    raise OSError(f"none of {_ATTEMPTS} ports tried on {LOOPBACK} was free")


def free_ports(count: int) -> list[int]:
    """As many different ones."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that a port whose last connection just closed counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
