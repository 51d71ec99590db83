"""Lambda on this machine: the unpacked bundle in a clean process, fed through Lambda's own runtime interface.

The process sees the bundle, the runtime client (which Lambda brings) and the environment it is given; nothing of the
checkout or its virtual environment.
"""

import base64
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import awslambdaric  # type: ignore[import-untyped] # it has none

SITE_PACKAGES = Path(awslambdaric.__file__).parents[1]
_RUNTIME_PARTS = ("awslambdaric", "simplejson", "snapshot_restore_py.py", "runtime_client*.so")
# Twenty environments may be starting on two cores.
_PATIENCE = 300


class FunctionError(Exception):
    """The function raised, or its process ended."""


class Function:
    """One execution environment of one function: it handles one event at a time, as Lambda's do."""

    def __init__(
        self, bundle: Path, handler: str, environment: Mapping[str, str], *, runtime: Path, trace: str = ""
    ) -> None:
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._bundle = bundle
        self._handler = handler
        self._environment = environment
        self._runtime = runtime
        self._trace = trace
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        server = self._stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), self._interface()))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._stack.callback(server.shutdown)
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-m", "awslambdaric", self._handler],
            cwd=self._bundle,
            env={
                "PYTHONPATH": f"{self._bundle}:{self._runtime}",
                "PYTHONDONTWRITEBYTECODE": "1",  # the code of a function is read-only
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
                "AWS_LAMBDA_FUNCTION_NAME": "platform",
                "AWS_REGION": "eu-central-1",
                "TZ": ":UTC",
                **self._environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output: list[str] = []
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self.process.kill()
        self.process.wait()
        self._collector.join()
        self._stack.close()

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return what the handler returns."""
        self._events.put(event)
        try:
            outcome, body = self._answers.get(timeout=_PATIENCE)
        except queue.Empty:
            outcome, body = "silence", b""
        if outcome != "response":
            raise FunctionError(f"{outcome}: {body.decode()}\n{''.join(self.output)[-4000:]}")
        return json.loads(body)

    def _collect(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            self.output.extend(line.decode(errors="replace") for line in lines)
        self._answers.put(("the process ended", b""))

    def _interface(self) -> type[BaseHTTPRequestHandler]:
        events, answers, trace = self._events, self._answers, self._trace

        class Interface(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = events.get()
                if event is None:
                    self.close_connection = True
                    return
                self._reply(json.dumps(event).encode(), event.get("requestContext", {}).get("requestId", "1"))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answers.put((self.path.rpartition("/")[2], body))
                self._reply(b"{}", "1", 202)

            def _reply(self, body: bytes, request_id: str, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                self.send_header("Lambda-Runtime-Trace-Id", trace)
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:1:function:platform"
                )
                self.end_headers()
                self.wfile.write(body)

            def handle_one_request(self) -> None:
                with suppress(ConnectionResetError):  # the process was killed
                    super().handle_one_request()

            def log_message(self, *_: object) -> None:
                pass

        return Interface


def runtime_folder(folder: Path) -> Path:
    """Lay out what Lambda's runtime brings, and nothing else of this machine's packages."""
    for pattern in _RUNTIME_PARTS:
        for part in SITE_PACKAGES.glob(pattern):
            (folder / part.name).symlink_to(part)
    return folder


def http_event(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    stage: str = "$default",
    source_ip: str = "203.0.113.7",
) -> dict[str, Any]:
    """A request as an HTTP API hands it over, payload format 2.0."""
    url = urlsplit(target)
    path = url.path if stage == "$default" else f"/{stage}{url.path}"
    given = {name.lower(): value for name, value in (headers or {}).items()}
    cookies = given.pop("cookie", "").split("; ") if "cookie" in given else None
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    if body:
        given.setdefault("content-length", str(len(body)))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": url.query,
        "headers": {"host": "api.example.com", "x-forwarded-proto": "https", "x-forwarded-for": source_ip, **given},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source_ip, "userAgent": "x"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": stage,
            "time": "25/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795608000000,
        },
        "isBase64Encoded": encoded,
    }
    if body:
        event["body"] = text
    if cookies:
        event["cookies"] = cookies
    return event
