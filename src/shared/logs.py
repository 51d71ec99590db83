"""Logs: lines for people on a laptop, JSON through Powertools everywhere else; never a secret in either.

Every record carries the request, trace, merchant and payment it belongs to. What looks like a card number is masked in
every text, and so is whatever stands under a name that only secrets have.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from shared.card_numbers import mask_card_numbers
from shared.context import current
from shared.ids import show

Format = Literal["text", "json"]
REDACTED = "[redacted]"

_SECRETS = frozenset(
    (
        "authorization",
        "card_number",
        "cvc",
        "cvv",
        "dek",
        "number",
        "pan",
        "password",
        "secret",
        "signing_secret",
        "token",
    )
)
# The same names within a text, API keys, signing secrets, bearer tokens, and passwords within addresses.
_IN_TEXT = re.compile(
    r"""(?ix)
      ( \b(?:cvc2?|cvv2?|password|secret)\b ["']? \s* [:=] \s* ["']? ) [^\s"',;}&]+
    | ( \b(?:sk|rk)_(?:test|live)_ ) [A-Za-z0-9_-]+
    | ( \bwhsec_ ) [A-Za-z0-9+/=_-]+
    | ( \bBearer\s+ ) [A-Za-z0-9._~+/=-]+
    | ( ://[^\s:/@]*: ) [^\s/@]+ (?=@)
    """
)


def redact(text: str) -> str:
    """Return a text without card numbers and secrets."""
    masked = mask_card_numbers(text)
    return _IN_TEXT.sub(lambda found: next(before for before in found.groups() if before) + REDACTED, masked)


def configure(service: str, form: Format, level: int = logging.INFO) -> None:
    """Send everything that this process logs to stderr, in one form."""
    if form == "json":
        configure_json(service, level)
    else:
        _take_over(_handler(_TextFormatter()), level)


def configure_json(service: str, level: int = logging.INFO) -> Logger:
    """Do so as JSON; what the logger that comes back is told to append is in every line."""
    formatter = _JsonFormatter(use_rfc3339=True, utc=True, serialize_stacktrace=False)
    handler = _handler(formatter)
    # The logger of this name is the parent of all the service's own; the handler serves every other one as well.
    own = Logger(service=service, level=level, logger_handler=handler, logger_formatter=formatter)
    logging.getLogger(own.name).propagate = False
    _take_over(handler, level)  # last: Powertools tells handlers that it finds there to leave its logger out
    return own


def _handler(formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_identify)
    handler.setFormatter(formatter)
    return handler


def _take_over(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.setLevel(level)
    root.handlers[:] = [handler]


def _identify(record: logging.LogRecord) -> bool:
    """Say which request a record belongs to, unless its author has."""
    request = current.get()
    if request is None:
        return True
    found = vars(record)
    found.setdefault("request_id", request.request_id)
    if request.trace_id is not None:
        found.setdefault("trace_id", request.trace_id)
    if request.merchant_id is not None:
        found.setdefault("merchant_id", show("mer", request.merchant_id))
    if request.payment_id is not None:
        found.setdefault("payment_id", show("pay", request.payment_id))
    return True


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        request_id = vars(record).get("request_id")
        return redact(text if request_id is None else f"{text} ({request_id})")


class _JsonFormatter(LambdaPowertoolsFormatter):
    def serialize(self, log: Any) -> str:  # noqa: ANN401 - the library's type is private
        return super().serialize(_redacted(log))


def _redacted(value: Any, name: str = "") -> Any:  # noqa: ANN401 - whatever was logged
    if name.lower() in _SECRETS:
        return REDACTED
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # A card number may come as one.
        text = redact(str(value))
        return value if text == str(value) else text
    if isinstance(value, Mapping):
        return {redact(str(key)): _redacted(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(each) for each in value]
    return redact(str(value))
