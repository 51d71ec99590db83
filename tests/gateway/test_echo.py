"""The whole way through two real servers: client, gateway, and an ordinary ASGI application in payments' place."""

import asyncio
import json

import pytest_asyncio
from pydantic import HttpUrl

from gateway.container import build
from tests.gateway.support import KEY, KEY_ENTRY, exchange, served


async def echo(scope, receive, send):
    """Answer with what arrived; verify every key; stream where asked to."""
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = KEY_ENTRY if scope["path"].startswith("/internal/") else {"path": scope["path"], "length": len(body)}
    headers = [(b"content-type", b"application/json")]  # and no length: the server sends chunks
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"].startswith("/v1/long/"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": body})
    else:
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@pytest_asyncio.fixture
async def port(settings):
    async with served(echo) as upstream:
        settings = settings.model_copy(update={"payments_url": HttpUrl(f"http://127.0.0.1:{upstream}")})
        async with served(build(settings)) as port:
            yield port


def request(path: str, body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


async def test_many_at_once_each_get_their_own_answer(port):
    sizes = [number * 997 for number in range(200)]
    answers = await asyncio.gather(
        *(exchange(port, request(f"/v1/echo/{size}", b"x" * size), until_closed=True) for size in sizes)
    )
    assert all(f'{{"path": "/v1/echo/{n}", "length": {n}}}'.encode() in a for n, a in zip(sizes, answers, strict=True))


async def test_a_long_streamed_answer_arrives_whole(port):
    answer = await exchange(port, request("/v1/long/x", b"x" * 900_000), until_closed=True)
    assert answer.count(b"x") >= 1_800_000
    assert answer.endswith(b"0\r\n\r\n")
