"""What a client gets of an answer, and in how many pieces."""

import asyncio
import logging
from typing import Any
from unittest.mock import Mock

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from shared.answers import Answering


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
async def answering():
    """Make an answer to a request; its transport shows what the client got."""

    def make(method: str = "GET", *, keep_alive: bool = True) -> Any:
        transport: Any = Transport()
        return Answering(
            {"type": "http", "method": method},  # type: ignore[typeddict-item] # all that is looked at
            transport,
            FlowControl(transport),
            logging.getLogger(),
            logging.getLogger(),
            access_log=False,
            default_headers=[(b"date", b"now")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=Mock(),
        )

    return make


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_a_head_and_its_body_are_one_packet(answering):
    answer = answering()
    await answer.send(start((b"content-length", b"2")))
    await answer.send(body(b"ok"))
    assert answer.transport.written == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n\r\nok"]
    answer.on_response.assert_called_once()
    assert not answer.transport.closed


async def test_the_head_of_a_stream_does_not_wait_for_its_first_piece(answering):
    answer = answering()
    await answer.send(start((b"content-type", b"text/event-stream")))
    assert answer.transport.written == []
    await asyncio.sleep(0)
    [head] = answer.transport.written
    assert head.endswith(b"transfer-encoding: chunked\r\n\r\n")
    await answer.send(body(b"data", more=True))
    await answer.send(body(b""))
    assert answer.transport.written[1:] == [b"4\r\ndata\r\n", b"0\r\n\r\n"]


async def test_a_head_alone_has_no_body(answering):
    answer = answering("HEAD")
    await answer.send(start((b"content-length", b"5")))
    await answer.send(body(b"12345"))
    assert answer.transport.written == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\n\r\n"]
    assert answer.response_complete


async def test_a_connection_that_is_not_kept_says_so_and_ends(answering):
    answer = answering(keep_alive=False)
    await answer.send(start(status=204))
    await answer.send(body(b""))
    assert b"connection: close\r\n" in answer.transport.written[0]
    assert answer.transport.closed


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_no_value_gets_to_write_headers(answering, value):
    answer = answering()
    with pytest.raises(RuntimeError, match="control character"):
        await answer.send(start((b"x-echo", value)))
    await asyncio.sleep(0)
    assert answer.transport.written == []


@pytest.mark.parametrize(("data", "what"), [(b"123", "longer"), (b"1", "shorter")])
async def test_a_body_has_the_length_that_was_told(answering, data, what):
    answer = answering()
    await answer.send(start((b"content-length", b"2")))
    with pytest.raises(RuntimeError, match=what):
        await answer.send(body(data))


async def test_parts_come_in_order(answering):
    answer = answering()
    with pytest.raises(RuntimeError, match=r"http\.response\.start belongs"):
        await answer.send(body(b"ok"))
