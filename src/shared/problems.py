"""RFC 9457 problem details: the one shape of every error both services answer with.

Every status and code is in ``problem_catalog``, with what it means and what to do about it.

``effect`` tells a client whether money may have moved: ``none`` or ``unknown``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from shared.card_numbers import mask_card_numbers

Effect = Literal["none", "unknown"]
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; ``pointer`` is an RFC 6901 JSON pointer into the request body."""

    detail: str
    pointer: str


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem, and it carries more than an error
    """An error a client may see.

    Shapes:
        status: HTTP status code.
        code: stable, machine-readable name of the error.
        detail: one sentence that says what to do.
        errors: one entry per invalid field.
        headers: extra response headers, for example ``Retry-After``.
    """

    status: int
    code: str
    detail: str
    effect: Effect = "none"
    retryable: bool = False
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the code and the sentence, for logs."""
        return f"{self.status} {self.code}: {self.detail}"

    def body(self, instance: str, request_id: str | None) -> bytes:
        """Return the JSON document for a request path and its request id."""
        return msgspec.json.encode(self.document(instance, request_id))

    def document(self, instance: str, request_id: str | None) -> dict[str, Any]:
        """Return the document as JSON values."""
        document: dict[str, Any] = {
            "type": f"urn:problem:payments:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            # The path is the client's, and somebody will put a card number into it.
            "instance": mask_card_numbers(instance),
            "code": self.code,
            "request_id": request_id,
            "effect": self.effect,
            "retryable": self.retryable,
        }
        if self.errors:
            document["errors"] = [{"detail": e.detail, "pointer": e.pointer} for e in self.errors]
        return document


def not_found(what: str) -> Problem:
    """Return the answer for anything that does not exist, or exists for somebody else."""
    return Problem(404, "not_found", f"There is no such {what} for this key and mode.")


def internal() -> Problem:
    """Return the answer for a defect of ours; details stay in the log."""
    return Problem(
        500,
        "internal",
        "Something failed on our side. Repeat it with the same Idempotency-Key, or quote the request_id to support.",
        effect="unknown",
        retryable=True,
    )
