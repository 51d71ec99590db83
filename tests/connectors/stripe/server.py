"""Stripe on this machine: localstripe as a process of its own, behind a relay that can lose and delay.

localstripe keeps payment intents, charges and refunds, and signs webhooks. What it lacks, the relay adds: idempotency
keys, the search, disputes in the shape that Stripe's reference shows, and parameters it would refuse.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx2

from payments.devtools.ports import free_port

SECRET_KEY = "sk_test_relay"
# It would keep its store in a file of one name for all users of a machine, who then cannot write each other's.
_START = """
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
server.start()
"""
_UNKNOWN_TO_IT = ("automatic_payment_methods", "error_on_requires_action", "statement_descriptor_suffix")


@contextmanager
def localstripe(folder: Path) -> Iterator[str]:
    """A server with an empty store, because it slows down as that grows."""
    port = free_port()
    with (folder / "localstripe.log").open("wb") as log:
        arguments = [sys.executable, "-c", _START, "--port", str(port), "--from-scratch"]
        process = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            assert process.poll() is None, (folder / "localstripe.log").read_text()
            try:
                httpx2.get(f"{url}/v1/refunds", auth=(SECRET_KEY, ""), trust_env=False)
                break
            except httpx2.TransportError:
                asyncio.run(asyncio.sleep(0.05))
        yield url
    finally:
        process.terminate()
        process.wait()


class Relay(httpx2.AsyncBaseTransport):
    """What stands between the connector and Stripe.

    Shapes:
        lose: the next call to a path: its "request" never arrives, its "answer" never comes back, or nothing but
            "silence" follows.
        requests: method and path of what arrived at Stripe.
        disputes: by id; those that wait for a response take one.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx2.AsyncClient(base_url=url, auth=(SECRET_KEY, ""), trust_env=False)
        self._answers: dict[str, httpx2.Response] = {}
        self.requests: list[str] = []
        self.disputes: dict[str, dict] = {}
        self.bodies: list[str] = []
        self.lose: tuple[str, str] | None = None
        self.answer_with: httpx2.Response | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path, body = request.url.path, (await request.aread()).decode()
        if self.answer_with is not None:
            response, self.answer_with = self.answer_with, None
            return response
        lost = self.lose[0] if self.lose is not None and path.endswith(self.lose[1]) else None
        if lost is not None:
            self.lose = None
        if lost == "request":
            raise httpx2.ConnectError("lost on its way")
        response = await self._answer(request, path, body)
        if lost == "silence":
            await asyncio.Event().wait()
        if lost == "answer":
            raise httpx2.ReadError("lost on its way back")
        return httpx2.Response(response.status_code, content=response.content)

    async def _answer(self, request: httpx2.Request, path: str, body: str) -> httpx2.Response:
        key = request.headers.get("idempotency-key")
        if request.method == "POST" and key in self._answers:
            return self._answers[key]
        self.requests.append(f"{request.method} {path}")
        self.bodies.append(body)
        if path == "/v1/payment_intents/search":
            return await self._search(request.url.params["query"])
        if path.startswith("/v1/disputes/"):
            response = self._dispute(path, dict(parse_qsl(body)))
            self._answers[str(key)] = response
            return response
        fields = [(name, value) for name, value in parse_qsl(body) if not name.startswith(_UNKNOWN_TO_IT)]
        if path.endswith("/capture"):
            fields = await self._move_metadata(path, fields)
        response = await self._client.request(
            request.method,
            path,
            params=request.url.params,
            content=urlencode(fields),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        if request.method == "POST" and key is not None:
            self._answers[key] = response
        return response

    async def _move_metadata(self, path: str, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        metadata = {name: value for name, value in fields if name.startswith("metadata")}
        await self._client.post(path.removesuffix("/capture"), data=metadata)
        return [field for field in fields if field[0] not in metadata]

    async def _search(self, query: str) -> httpx2.Response:
        name, _, value = query.removeprefix("metadata['").partition("']:")
        intents = (await self._client.get("/v1/payment_intents", params={"limit": "100"})).json()["data"]
        found = [intent for intent in intents if intent["metadata"].get(name) == value.strip("'")]
        answer = {"object": "search_result", "data": found, "has_more": False, "url": "/v1/payment_intents/search"}
        return httpx2.Response(200, content=json.dumps(answer))

    def _dispute(self, path: str, fields: dict[str, str]) -> httpx2.Response:
        name, _, close = path.removeprefix("/v1/disputes/").partition("/")
        found = self.disputes.get(name)
        if found is None or found["status"] != "needs_response":
            error = {"type": "invalid_request_error", "message": "This dispute takes no response."}
            return httpx2.Response(404 if found is None else 400, content=json.dumps({"error": error}))
        if close:
            found["status"] = "lost"
        elif fields["submit"] == "true":
            found |= {
                "status": "under_review",
                "evidence": {"uncategorized_text": fields["evidence[uncategorized_text]"]},
            }
        return httpx2.Response(200, content=json.dumps(found))

    async def intents(self) -> dict[str, dict]:
        """What Stripe has."""
        found = (await self._client.get("/v1/payment_intents", params={"limit": "100"})).json()["data"]
        return {intent["id"]: intent for intent in found}

    async def make_webhook(self, url: str, secret: str) -> None:
        """Have Stripe send one event, about something it sends events of."""
        await self._client.post("/_config/webhooks/ours", data={"url": url, "secret": secret})
        response = await self._client.post("/v1/customers", data={"email": "ada@example.com"})
        assert response.status_code == 200

    async def aclose(self) -> None:
        await self._client.aclose()
