"""Requests as bytes on the wire, made once; only the idempotency key changes from one to the next.

Both generators read them from one file: whole requests, a NUL between them, `MARK` where the key goes.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from payments.devtools.servers.base import write_private

# A key is shaped like the UUID that clients are told to use: a run's prefix, letters that set it apart from a card
# number, and the number of the request. Unique among everything sent to one database.
PREFIX_WIDTH = 8
MIDDLE = "-c0de-7abc-9def-"
NUMBER_WIDTH = 12
MARK = "?" * PREFIX_WIDTH + MIDDLE + "?" * NUMBER_WIDTH
_SEPARATOR = "\0"


def payment(url: str, bearer: str, payment_method: str, currency: str) -> str:
    """Return the request for a payment of 19.99, captured at once; `bearer` is an API key, or a signed identity."""
    body = json.dumps(
        {
            "amount": 1999,
            "currency": currency,
            "payment_method": payment_method,
            "reference": "order 10042",
            "metadata": {"cart": "0199c1d27f3a"},
        }
    )
    head = (
        "POST /v1/payments HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Authorization: Bearer {bearer}",
        "Content-Type: application/json",
        "Accept: application/json",
        "User-Agent: payments-bench",
        f"Idempotency-Key: {MARK}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(head) + "\r\n\r\n" + body


def write(path: Path, requests: Sequence[str]) -> None:
    """Write requests for a generator; the file is private, for it holds keys."""
    write_private(path, _SEPARATOR.join(requests))


def read(path: Path) -> Iterable[bytes]:
    """Return the requests of a file."""
    return path.read_bytes().split(_SEPARATOR.encode())
