"""Follows the live stream, prints every event, and forwards it as a webhook; comes back after a lost connection."""

import json
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape

from payments.devtools.errors import ServiceError, ToolError
from payments.devtools.events.target import Target
from payments.webhooks.signing import headers, new_secret

_RETRY_SECONDS = 1.0
# The stream says something every 15 seconds.
_SILENCE_SECONDS = 60.0
_FORWARD_SECONDS = 15.0


def run(
    target: Target, *, forward_to: str | None, types: Sequence[str], after: int | None, console: Console | None = None
) -> None:
    """Run until Ctrl-C.

    Raises:
        ToolError: the gateway does not take the key, or there is none.

    """
    console = console or Console(highlight=False)
    secret = new_secret()
    if forward_to:
        console.print(
            f"Forwarding to {escape(forward_to)}, signed with {secret} (of this session only)", soft_wrap=True
        )
    try:
        with httpx2.Client(trust_env=False, timeout=_FORWARD_SECONDS) as client:
            for event in _events(client, target, types, after, console):
                console.print(_line(event), end="" if forward_to else "\n", soft_wrap=True)
                if forward_to:
                    console.print(f" [dim]→[/] {escape(_forward(client, forward_to, event, secret))}", soft_wrap=True)
    except KeyboardInterrupt:
        console.print()


def _events(
    client: httpx2.Client, target: Target, types: Sequence[str], after: int | None, console: Console
) -> Iterator[bytes]:
    cursor = None if after is None else str(after)
    while True:
        sent = {"Authorization": f"Bearer {target.api_key}"} | ({} if cursor is None else {"Last-Event-ID": cursor})
        try:
            with client.stream(
                "GET",
                f"{target.gateway_url}/v1/stream",
                params={"type": list(types)},
                headers=sent,
                timeout=httpx2.Timeout(_FORWARD_SECONDS, read=_SILENCE_SECONDS),
            ) as response:
                _check(response)
                if cursor is None:
                    console.print("[dim]Listening; Ctrl-C ends it.[/]")
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "id":
                        cursor = value
                    elif name == "data":
                        yield value.encode()
        except httpx2.HTTPError:
            console.print("[dim]The connection is lost; trying again.[/]")
        time.sleep(_RETRY_SECONDS)


def _check(response: httpx2.Response) -> None:
    if response.status_code == HTTPStatus.OK:
        return
    problem = json.loads(response.read() or b"{}")
    if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ToolError(f"{response.status_code}: {problem.get('detail', 'the gateway refused')}")
    raise httpx2.HTTPError(str(problem.get("detail")))


def _line(event: bytes) -> str:
    shown: dict[str, Any] = json.loads(event)
    number, kind, about = shown["sequence"], shown["type"], shown["data"].get("id")
    return f"[cyan]{number:>6}[/]  {shown['created_at']}  [bold]{kind}[/]  {about}"


def _forward(client: httpx2.Client, url: str, event: bytes, secret: str) -> str:
    sent = headers(json.loads(event)["id"], int(time.time()), event, [secret])
    try:
        response = client.post(url, content=event, headers=sent | {"content-type": "application/json"})
    except httpx2.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    except httpx2.InvalidURL as error:
        raise ServiceError(f"{url} is not a URL: {error}") from error
    return f"{response.status_code} {response.reason_phrase}"
