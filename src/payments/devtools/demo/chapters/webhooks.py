"""A merchant's server hears of what happened, and can check who says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread

from standardwebhooks import Webhook

from payments.devtools.client import Json
from payments.devtools.demo.stage import APPROVED_CARD, Stage
from payments.devtools.errors import DemoError

TITLE = "Tell the merchant's server"

_PATIENCE_SECONDS = 30

# Headers and body, as they came.
Message = tuple[dict[str, str], bytes]


def play(stage: Stage) -> None:
    """Register a local server, pay and refund, verify what arrives, and ask for one of it again."""
    with _receiver() as (url, arrived):
        stage.tell(f"A server of the merchant, here {url}, wants to hear of payments and refunds.")
        body = {"url": url, "event_types": ["payment.captured", "refund.succeeded"]}
        endpoint = stage.post("/v1/webhook_endpoints", body, status=201).body
        stage.expect("its secret is shown once, to verify signatures with", holds="secret" in endpoint)
        payment = stage.pay(4200, card=stage.tokenize(APPROVED_CARD))
        refund = stage.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 200}, status=201).body
        paid, refunded = (_verified(endpoint["secret"], _next(arrived)) for _ in range(2))
        stage.expect("the payment arrived as it was, signed", holds=paid["data"] == payment)
        stage.expect("and after it the refund", holds=refunded["data"] == refund)
        stage.expect("in the order of their numbers", holds=paid["sequence"] + 1 == refunded["sequence"])
        stage.tell("What was sent can be looked up, and sent again.")
        path = f"/v1/webhook_endpoints/{endpoint['id']}/deliveries"
        delivery = stage.wait_for(path, lambda page: page["data"][0]["status"] == "delivered")["data"][0]
        stage.expect("the server answered 204", holds=delivery["attempts"][0]["status_code"] == HTTPStatus.NO_CONTENT)
        stage.post(f"{path}/{delivery['id']}/retry", {}, status=200)
        again = _next(arrived)
        stage.expect("it comes again with the same webhook-id", holds=again[0]["webhook-id"] == refunded["id"])


def _next(arrived: "SimpleQueue[Message]") -> Message:
    try:
        return arrived.get(timeout=_PATIENCE_SECONDS)
    except Empty:
        raise DemoError(f"no webhook came within {_PATIENCE_SECONDS} seconds") from None


def _verified(secret: str, message: Message) -> Json:
    headers, body = message
    event: Json = Webhook(secret).verify(body, headers)
    return event


@contextmanager
def _receiver() -> Iterator[tuple[str, "SimpleQueue[Message]"]]:
    arrived: SimpleQueue[Message] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet: the demo prints what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks", arrived
        server.shutdown()
