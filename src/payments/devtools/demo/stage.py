"""What a chapter of the demo works with: requests that print themselves, and expectations."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from rich.console import Console as Terminal
from rich.markup import escape

from payments.devtools.client import Answer, Client, Json
from payments.devtools.errors import DemoError

APPROVED_CARD = "4242424242424242"
# What follows a commit by itself is there within thirty seconds, or something is wrong.
_TRIES, _PAUSE_SECONDS = 150, 0.2
# Takes a merchant on; returns its id and a client with its key.
Hire = Callable[[Json], tuple[str, Client]]

_BOOKSHOP: Json = {
    "name": "Harbor Books",
    "country": "US",
    "category_code": "5942",
    "settlement_currency": "USD",
    "fee": {"basis_points": 290, "fixed": 30},
}
# What is worth showing of an answer, in this order.
_SHOWN = (
    "id",
    "status",
    "amount",
    "currency",
    "amount_authorized",
    "amount_captured",
    "amount_refunded",
    "card",
    "decline",
    "code",
    "detail",
)


class Stage:
    """The terminal, the demo merchant and the administrator."""

    def __init__(self, terminal: Terminal, admin: Client, hire: Hire) -> None:
        """Count from zero; each chapter is played by a merchant of its own, so that none sees another's payments."""
        self.terminal = terminal
        self.checks = 0
        self._admin = admin
        self._hire = hire
        self.merchant_id, self._merchant = hire(_BOOKSHOP)

    def hire(self, **terms: Any) -> None:  # noqa: ANN401 - fields of a merchant
        """Take on the merchant that acts from now on; ``terms`` differ from those of a bookshop settling in USD."""
        self.merchant_id, self._merchant = self._hire(_BOOKSHOP | terms)

    def open_chapter(self, number: int, title: str) -> None:
        """Print a heading."""
        self.terminal.print()
        self.terminal.rule(f"[bold]{number}. {escape(title)}", align="left", style="cyan")

    def tell(self, text: str) -> None:
        """Print what happens next, for the person who follows."""
        self.terminal.print(f"\n{escape(text)}")

    def expect(self, fact: str, *, holds: bool) -> None:
        """Check a fact and print it.

        Raises:
            DemoError: it does not hold.
        """
        if not holds:
            self.terminal.print(f"  [bold red]✗ {escape(fact)}")
            raise DemoError(f"expected, and not so: {fact}")
        self.checks += 1
        self.terminal.print(f"  [green]✓ {escape(fact)}")

    def post(self, path: str, body: Json, *, key: str | None = None, status: int) -> Answer:
        """POST as the merchant and expect a status.

        Raises:
            DemoError: the answer has another status.
        """
        answer = self._merchant.post(path, body, key=key)
        self._show("POST", path, answer, status, body)
        return answer

    def get(self, path: str) -> Json:
        """GET as the merchant.

        Raises:
            DemoError: the answer is not 200.
        """
        answer = self._merchant.get(path)
        self._show("GET", path, answer, 200)
        return answer.body

    def wait_for(self, path: str, ready: Callable[[Json], bool]) -> Json:
        """GET as the merchant until an answer is as it should be, and print that one.

        Raises:
            DemoError: it takes too long.
        """
        for _ in range(_TRIES):
            answer = self._merchant.get(path)
            if answer.status == HTTPStatus.OK and ready(answer.body):
                return self.get(path)
            time.sleep(_PAUSE_SECONDS)
        raise DemoError(f"GET {path} is still not as expected")

    def get_as_admin(self, path: str) -> Json:
        """GET as the administrator.

        Raises:
            DemoError: the answer is not 200.
        """
        answer = self._admin.get(path)
        self._show("GET", path, answer, 200)
        return answer.body

    def post_as_admin(self, path: str, body: Json) -> Json:
        """POST as the administrator.

        Raises:
            DemoError: the answer is not 200.
        """
        answer = self._admin.post(path, body)
        self._show("POST", path, answer, 200, body)
        return answer.body

    def put_as_admin(self, path: str, body: Json) -> Json:
        """PUT as the administrator.

        Raises:
            DemoError: the answer is not 200.
        """
        answer = self._admin.put(path, body)
        self._show("PUT", path, answer, 200, body)
        return answer.body

    def burst(self, count: int, body: Json) -> list[Json]:
        """Send the same payment many times at once, each under a key of its own; prints nothing."""
        with ThreadPoolExecutor(max_workers=16) as pool:
            answers = pool.map(lambda _: self._merchant.post("/v1/payments", body), range(count))
            return [answer.body for answer in answers]

    def tokenize(self, number: str) -> str:
        """Turn a card number into a payment method; returns its id."""
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Ada Lovelace"}
        token: str = self.post("/v1/payment_methods", card, status=201).body["id"]
        return token

    def pay(self, amount: int, *, card: str, **more: Any) -> Json:  # noqa: ANN401 - fields of a payment
        """Create a payment in USD with a tokenized card."""
        body = {"amount": amount, "currency": "USD", "payment_method": card, **more}
        return self.post("/v1/payments", body, status=201).body

    def _show(self, method: str, path: str, answer: Answer, status: int, body: Json | None = None) -> None:
        sent = escape(json.dumps(body)) if body else ""
        self.terminal.print(f"  [cyan]→ {method} {escape(path)}[/] [dim]{sent}[/]", soft_wrap=True)
        self.terminal.print(f"  [cyan]← {answer.status}[/] {escape(_summary(answer.body))}", soft_wrap=True)
        if answer.status != status:
            raise DemoError(f"{method} {path} answered {answer.status} instead of {status}: {json.dumps(answer.body)}")


def _summary(body: Json) -> str:
    return "  ".join(f"{name}={_short(body[name])}" for name in _SHOWN if body.get(name) is not None)


def _short(value: Any) -> str:  # noqa: ANN401  any JSON value
    if not isinstance(value, dict):
        return str(value)
    return "/".join(str(value[name]) for name in ("brand", "last4", "code") if name in value)
