"""The port every acquirer is reached through: what we ask, what we may hear, and what silence means.

    Outcome = Approved | Declined | Unknown                    the answer to a request
    Lookup  = Approved | Declined | NotFound | StillUnknown    the answer to "what became of it?"

Silence is never a decline. A call that times out, breaks or answers nonsense is ``Unknown``, and only evidence ends
that: a lookup, a callback, a settlement record. Amounts are integers of minor units; currencies are ISO 4217 codes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn, Protocol, TypeAlias
from uuid import UUID

import msgspec

Kind = Literal["authorize", "capture", "void", "refund"]


class LiveModeRefusedError(Exception):
    """Live money was about to reach a connector that only plays: a defect of ours, never the caller's."""


class KeyReusedError(Exception):
    """One key named two different requests: a defect in how the key was derived."""


class InvalidCallbackError(Exception):
    """A callback that the acquirer did not send, or that we cannot read."""


class Cvc:
    """A card verification code on its way to the acquirer: it cannot be printed, logged or serialized by accident."""

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        """Hold 3 or 4 digits, already checked."""
        self._code = code

    def reveal(self) -> str:
        """Return the digits; only a connector that puts them on the wire calls this."""
        return self._code

    def __repr__(self) -> str:
        """Return a placeholder, also for ``str()`` and f-strings."""
        return "Cvc(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a CVC is kept in memory only")


class CardReference(msgspec.Struct, frozen=True, gc=False):
    """A tokenized card as a connector may know it; the number stays in the vault.

    Shapes:
        brand: lower case, for example ``visa``.
        last4: the last four digits.
        test_scenario: what the sandbox plays for this card (``sandbox.cards.scenario_for``); None approves.
        livemode: whether the card belongs to real money.
    """

    payment_method_id: UUID
    merchant_id: UUID
    livemode: bool
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    test_scenario: str | None = None


class AuthorizeRequest(msgspec.Struct, frozen=True, gc=False):
    """Reserve money on a card, and take it at once if ``capture``.

    Shapes:
        key: the idempotency key derived from the stored intent; a repetition of it never acts twice.
        cvc: present only in the request that brought it; a later authorization goes without.
    """

    key: str
    payment_id: UUID
    amount: int
    currency: str
    capture: bool
    card: CardReference
    statement_descriptor: str | None = None
    cvc: Cvc | None = None


class CaptureRequest(msgspec.Struct, frozen=True, gc=False):
    """Take authorized money.

    Shapes:
        acquirer_reference: the authorization's reference.
        final: whether the acquirer may release what is left of the authorization.
    """

    key: str
    acquirer_reference: str
    amount: int
    currency: str
    final: bool = True


class VoidRequest(msgspec.Struct, frozen=True, gc=False):
    """Release what is left of an authorization; ``amount`` says how much we believe that is."""

    key: str
    acquirer_reference: str
    amount: int
    currency: str


class RefundRequest(msgspec.Struct, frozen=True, gc=False):
    """Give captured money back; ``acquirer_reference`` is the authorization's."""

    key: str
    acquirer_reference: str
    amount: int
    currency: str


Request: TypeAlias = AuthorizeRequest | CaptureRequest | VoidRequest | RefundRequest


class Approved(msgspec.Struct, frozen=True, gc=False):
    """Done; ``reference`` is the acquirer's name for it."""

    reference: str


class Declined(msgspec.Struct, frozen=True, gc=False):
    """Refused, certainly and without effect.

    Shapes:
        code: one of ours, see ``declines.py``.
        message: one sentence that may be shown to the cardholder.
        retryable: the same request may pass when repeated, or at another acquirer.
    """

    code: str
    message: str
    retryable: bool


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """No answer, so the money may have moved; ``reason`` is for the timeline and the log."""

    reason: str


class NotFound(msgspec.Struct, frozen=True, gc=False):
    """The acquirer has nothing under this key.

    Evidence that nothing happened only once ``Capabilities.not_found_final_after`` has passed since the call's
    deadline: before that, the request may still be on its way.
    """


class StillUnknown(msgspec.Struct, frozen=True, gc=False):
    """The acquirer cannot say yet, or cannot be reached; ask again later."""

    reason: str


Outcome: TypeAlias = Approved | Declined | Unknown
Lookup: TypeAlias = Approved | Declined | NotFound | StillUnknown


class Callback(msgspec.Struct, frozen=True, gc=False):
    """What an acquirer tells us of its own accord, at least once and in any order.

    Shapes:
        id: the same for every delivery of one message.
        key: the key of the request it is about.
    """

    id: str
    key: str
    kind: Kind
    outcome: Approved | Declined


DisputeStatus = Literal["needs_response", "under_review", "won", "lost"]


class DisputeNotice(msgspec.Struct, frozen=True, gc=False):
    """A cardholder's bank took money back, or decided about it; at least once and in any order.

    Shapes:
        id: the same for every delivery of one message.
        dispute: the acquirer's name for the dispute.
        key: the key of the request that took the money: of an authorization with capture, or of a capture. None if the
            message does not say it.
        payment: then, the acquirer's name for the payment, of which ``Connector.key_of`` knows the key.
        amount: what is disputed, which may be a part of the payment.
    """

    id: str
    dispute: str
    key: str | None
    status: DisputeStatus
    reason: str
    amount: int
    currency: str
    respond_by: datetime | None = None
    payment: str | None = None


class DisputeResponse(msgspec.Struct, frozen=True, gc=False):
    """What a merchant says to a dispute.

    Shapes:
        key: derived from the stored intent; a repetition of it never counts twice.
        accept: give in; there is no evidence then.
        evidence: a text, and what describes the documents.
    """

    key: str
    dispute: str
    accept: bool
    evidence: Mapping[str, Any]


class Capabilities(msgspec.Struct, frozen=True, gc=False):
    """What an acquirer can do, so that the payments feature need not know its name.

    Shapes:
        livemode: the one mode this connector serves.
        multiple_captures: whether an authorization may be captured in several parts.
        callbacks: whether outcomes also arrive by callback.
        not_found_final_after: how long after a call's deadline ``NotFound`` is evidence.
    """

    livemode: bool
    multiple_captures: bool
    callbacks: bool
    not_found_final_after: timedelta


class Connector(Protocol):
    """One acquirer in one mode.

    ``authorize``, ``capture``, ``void`` and ``refund`` are idempotent by ``request.key``, answer by ``deadline`` (a
    reading of the running event loop's ``time()``) and turn every failure on the way into ``Unknown``; they raise only
    for defects.
    """

    @property
    def name(self) -> str:
        """The name stored with each payment, for example ``sandbox``."""

    @property
    def capabilities(self) -> Capabilities:
        """What this acquirer can do."""

    def single_commit(self, request: Request) -> Outcome | None:
        """Return the outcome if it is a pure function of the request, to be committed together with the payment.

        No input, no output, no side effect. None means the external order: commit the intent, then make the call.
        """

    async def authorize(self, request: AuthorizeRequest, deadline: float) -> Outcome:
        """Reserve money on a card."""

    async def capture(self, request: CaptureRequest, deadline: float) -> Outcome:
        """Take authorized money."""

    async def void(self, request: VoidRequest, deadline: float) -> Outcome:
        """Release what is left of an authorization."""

    async def refund(self, request: RefundRequest, deadline: float) -> Outcome:
        """Give captured money back."""

    async def lookup(self, key: str, *, kind: Kind = "authorize", parent: str | None = None) -> Lookup:
        """Return what the acquirer knows about the request with this key; read only, and never from our own tables.

        ``parent`` is the authorization's reference when the request was a capture, void or refund: acquirers that
        cannot search by key list what belongs to it.
        """

    async def respond_to_dispute(self, response: DisputeResponse, deadline: float) -> Outcome:
        """Hand in a response; ``Approved`` means that it was received in time."""

    async def key_of(self, payment: str) -> str | None:
        """Return the key under which we asked for a payment that the acquirer names; None when we never did.

        Raises:
            Problem: 503, the acquirer cannot be asked now.

        """

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback | DisputeNotice | None:
        """Verify and read a callback; header names are lower case. None if it says nothing about a request of ours.

        Raises:
            InvalidCallbackError: the signature or the shape is wrong.

        """
