"""What a chapter of the demo works with: requests that print themselves, and expectations."""

import json
from typing import Any

from rich.console import Console as Terminal
from rich.markup import escape

from payments.devtools.client import Answer, Client, Json
from payments.devtools.errors import DemoError

APPROVED_CARD = "4242424242424242"
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

    def __init__(self, terminal: Terminal, merchant: Client, admin: Client) -> None:
        """Count from zero."""
        self.terminal = terminal
        self.checks = 0
        self._merchant = merchant
        self._admin = admin

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

    def get_as_admin(self, path: str) -> Json:
        """GET as the administrator.

        Raises:
            DemoError: the answer is not 200.
        """
        answer = self._admin.get(path)
        self._show("GET", path, answer, 200)
        return answer.body

    def tokenize(self, number: str) -> str:
        """Turn a card number into a payment method; returns its id."""
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Ada Lovelace"}
        token: str = self.post("/v1/payment_methods", card, status=201).body["id"]
        return token

    def pay(self, amount: int, *, card: str, **more: str) -> Json:
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
