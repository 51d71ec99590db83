"""A load generator in one process and one thread: raw sockets, requests made beforehand, answers hardly looked at.

    python -m bench.generator REQUESTS --address 127.0.0.1:8000 --connections 128 --seconds 10 --prefix 0a1b2c3d

Without a rate the loop is closed: each connection sends its next request when it has its answer, which finds the
throughput. With a rate it is open: requests arrive at fixed moments, whether or not earlier ones are answered, and a
latency counts from that moment, so that a server that stalls cannot hide how many requests it kept waiting. One request
at a time on each connection. Prints one JSON object: an `Outcome`.
"""

import argparse
import json
import math
import selectors
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from bench.requests import MARK, NUMBER_WIDTH, PREFIX_WIDTH, read

CREATED = "201"
_GRACE_SECONDS = 10.0  # for answers still on their way at the end
# An open loop looks at its clock and its connections this often: what it measures is at most so much too long, and it
# does not take the machine away from what it measures by waking up for each of thousands of arrivals.
_TICK_SECONDS = 0.001
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run saw.

    Shapes:
        answered: payments created.
        errors: everything else, by HTTP status or by what went wrong.
        seconds: from the first request to the last answer.
        p50, p95, p99: latency in milliseconds.
        cpu_seconds: what the generator itself used meanwhile.
    """

    answered: int
    errors: dict[str, int]
    seconds: float
    p50: float
    p95: float
    p99: float
    cpu_seconds: float


class _Connection:
    __slots__ = ("asked", "received", "since", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.asked = False  # whether it waits for an answer
        self.received = b""
        self.since = 0.0  # when its request was sent, or should have been


class Generator:
    """Keeps connections busy with requests; a `with` block closes them."""

    def __init__(self, requests: Iterable[bytes], prefix: str, address: tuple[str, int], connections: int) -> None:
        """Connect; raises OSError when nobody listens."""
        mark = MARK.encode()
        # Each request with the place of its number in it.
        self._requests: list[tuple[bytearray, int]] = []
        for request in requests:
            at = request.index(mark)
            filled = bytearray(request)
            filled[at : at + PREFIX_WIDTH] = prefix.encode()
            self._requests.append((filled, at + len(mark) - NUMBER_WIDTH))
        self._address = address
        self._sent = 0
        self._selector = selectors.DefaultSelector()
        self._idle = [self._connect() for _ in range(connections)]
        self._busy = 0
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """For a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def run(self, seconds: float, rate: float | None = None) -> Outcome:
        """Send for that long, then wait for what is unanswered."""
        cpu, began = time.process_time(), time.perf_counter()
        if rate is None:
            self._closed(began + seconds)
        else:
            self._open(began, seconds, rate)
        took = time.perf_counter() - began
        if self._busy:
            self._errors["unanswered"] += self._busy
        ordered = sorted(self._latencies)
        p50, p95, p99 = (1000 * percentile(ordered, share) for share in (0.50, 0.95, 0.99))
        return Outcome(len(ordered), dict(self._errors), took, p50, p95, p99, time.process_time() - cpu)

    def _closed(self, until: float) -> None:
        now = time.perf_counter()
        while self._idle:
            self._send(self._idle.pop(), now)
        while self._busy and (now := time.perf_counter()) < until + _GRACE_SECONDS:
            self._receive(until + _GRACE_SECONDS - now)
            now = time.perf_counter()
            while self._idle and now < until:
                self._send(self._idle.pop(), now)

    def _open(self, began: float, seconds: float, rate: float) -> None:
        total, arrived = math.ceil(seconds * rate), 0
        waiting: deque[float] = deque()  # moments of arrival for which no connection was free
        while arrived < total or waiting or self._busy:
            now = time.perf_counter()
            if now > began + seconds + _GRACE_SECONDS:
                self._errors["unsent"] += len(waiting)
                return
            while arrived < total and (moment := began + arrived / rate) <= now:
                waiting.append(moment)
                arrived += 1
            while waiting and self._idle:
                self._send(self._idle.pop(), waiting.popleft())
            time.sleep(_TICK_SECONDS)
            self._receive(0.0)

    def _connect(self) -> _Connection:
        connection = _Connection(self._address)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _send(self, connection: _Connection, since: float) -> None:
        request, at = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        request[at : at + NUMBER_WIDTH] = b"%012d" % self._sent
        connection.asked, connection.since = True, since
        self._busy += 1
        try:
            sent = connection.socket.send(request)
        except OSError:
            sent = 0
        if sent != len(request):  # it fits any buffer, so the other side is gone
            self._replace(connection, "not sent")

    def _receive(self, wait: float) -> None:
        """Take in what has arrived, waiting for it at most that long."""
        for key, _ in self._selector.select(wait):
            connection: _Connection = key.data
            try:
                piece = connection.socket.recv(65_536)
            except OSError:
                piece = b""
            if not piece or not connection.asked:  # a server may end what is idle, with or without a word
                self._replace(connection, "connection lost")
                continue
            answer = connection.received = connection.received + piece
            if not _whole(answer):
                continue
            self._busy -= 1
            connection.asked, connection.received = False, b""
            self._idle.append(connection)
            status = answer[9:12].decode()
            if status == CREATED:
                self._latencies.append(time.perf_counter() - connection.since)
            else:
                self._errors[status] += 1

    def _replace(self, connection: _Connection, error: str) -> None:
        if connection.asked:
            self._errors[error] += 1
            self._busy -= 1
        else:
            self._idle.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._idle.append(self._connect())


def _whole(answer: bytes) -> bool:
    end = answer.find(_HEAD_END)
    if end < 0:
        return False
    head = answer[:end].lower() + b"\r\n"
    at = head.index(_LENGTH) + len(_LENGTH)
    return len(answer) >= end + len(_HEAD_END) + int(head[at : head.index(b"\r\n", at)])


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed; NaN of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.generator", description="Send payments, count answers.")
    parser.add_argument("requests", type=Path, help="file of requests, see bench.requests")
    parser.add_argument("--address", required=True, help="host:port")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--prefix", required=True, help="of the idempotency keys, 8 characters")
    parser.add_argument("--rate", type=float, help="requests a second (open loop); without it the loop is closed")
    asked = parser.parse_args()
    host, port = asked.address.rsplit(":", 1)
    with Generator(read(asked.requests), asked.prefix, (host, int(port)), asked.connections) as generator:
        json.dump(asdict(generator.run(asked.seconds, asked.rate)), sys.stdout)


if __name__ == "__main__":
    main()
