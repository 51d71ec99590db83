"""The provider over HTTP, in a thread of `make dev`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from payments.devtools.issuer import page
from payments.devtools.issuer.provider import PEOPLE, MistakenError, Provider, RefusedError
from payments.devtools.keys import KeyFiles
from payments.devtools.ports import LOOPBACK

_LARGEST_BYTES = 20_000
_POLL_SECONDS = 0.2


@contextmanager
def serving(keys: KeyFiles, port: int, redirect_uri: str) -> Iterator[Provider]:
    """Serve a provider on a loopback port for the length of a `with` block."""
    keys.issue_at(f"http://{LOOPBACK}:{port}")
    provider = Provider(keys, redirect_uri=redirect_uri)
    server = _Server((LOOPBACK, port), provider)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], provider: Provider) -> None:
        super().__init__(address, _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """Answer discovery, keys, and the page on which somebody chooses who to be."""
        url, provider = urlsplit(self.path), self.server.provider
        if not self._is_ours():
            return
        if url.path == "/.well-known/openid-configuration":
            self._json(HTTPStatus.OK, provider.metadata())
        elif url.path == "/jwks.json":
            self._send(HTTPStatus.OK, provider.jwks(), "application/json")
        elif url.path == "/authorize":
            self._authorize(url.query, None)
        else:
            self._page(HTTPStatus.NOT_FOUND, page.mistake("There is nothing here."))

    def do_POST(self) -> None:
        """Answer a choice, and a code."""
        url, length = urlsplit(self.path), self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BYTES:
            self._page(HTTPStatus.BAD_REQUEST, page.mistake("Send a short form with its length."))
            return
        # Read before anything is refused: a connection that is closed on unread bytes loses the answer.
        form = dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace")))
        if not self._is_ours():
            return
        if url.path == "/token":
            try:
                self._json(HTTPStatus.OK, self.server.provider.exchange(form))
            except RefusedError as refused:
                self._json(HTTPStatus.BAD_REQUEST, {"error": str(refused)})
        elif url.path == "/authorize":
            self._authorize(url.query, form.get("person"))
        else:
            self._page(HTTPStatus.NOT_FOUND, page.mistake("There is nothing here."))

    def _authorize(self, query: str, chosen: str | None) -> None:
        asked, provider = dict(parse_qsl(query)), self.server.provider
        back = {"iss": provider.issuer} | ({"state": asked["state"]} if "state" in asked else {})
        try:
            if chosen not in PEOPLE:
                provider.check(asked)
                self._page(HTTPStatus.OK, page.choice(PEOPLE.values()))
                return
            back["code"] = provider.authorize(asked, PEOPLE[chosen])
        except MistakenError as mistaken:
            self._page(HTTPStatus.BAD_REQUEST, page.mistake(str(mistaken)))
            return
        except RefusedError as refused:
            back["error"] = str(refused)
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", location=f"{provider.redirect_uri}?{urlencode(back)}")

    def _is_ours(self) -> bool:
        """Refuse names that only lead here: another site's page would be of this origin otherwise."""
        if self.headers.get("host") == urlsplit(self.server.provider.issuer).netloc:
            return True
        self._page(HTTPStatus.MISDIRECTED_REQUEST, page.mistake("This issuer has another name."))
        return False

    def _json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _page(self, status: HTTPStatus, content: str) -> None:
        self._send(status, content.encode(), "text/html; charset=utf-8")

    def _send(self, status: HTTPStatus, content: bytes, media_type: str, **headers: str) -> None:
        redirect = urlsplit(self.server.provider.redirect_uri)
        console = f"{redirect.scheme}://{redirect.netloc}"
        self.send_response(status)
        fixed = {
            "content-type": media_type,
            "content-length": str(len(content)),
            "cache-control": "no-store",
            "access-control-allow-origin": console,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            # The form's answer leads to the console, which browsers count as part of its way.
            "content-security-policy": f"default-src 'none'; style-src 'sha256-{page.STYLE_DIGEST}'; "
            f"form-action 'self' {console}; frame-ancestors 'none'; base-uri 'none'",
        }
        for name, value in (fixed | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
        """Say nothing: what people do here is the console's business."""
