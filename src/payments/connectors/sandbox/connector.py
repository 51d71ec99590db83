"""The sandbox behind the connector port.

Ordinary cards are a pure function of the request and commit once, together with the payment. Ambiguity cards take the
external order against books of their own. An authorization's reference carries its scenario, so that captures, voids
and refunds know how to behave without anybody looking the card up again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from payments.connectors.declines import DECLINES
from payments.connectors.port import (
    Approved,
    AuthorizeRequest,
    Callback,
    Capabilities,
    CaptureRequest,
    Declined,
    DisputeNotice,
    DisputeResponse,
    KeyReusedError,
    Kind,
    LiveModeRefusedError,
    Lookup,
    NotFound,
    Outcome,
    RefundRequest,
    Request,
    StillUnknown,
    Unknown,
    VoidRequest,
)
from payments.connectors.sandbox.callbacks import Signer, read_callback, write_callback
from payments.connectors.sandbox.cards import DISPUTED, Reply, Step, step_for
from payments.connectors.sandbox.disputes import Deliver, SandboxDisputes
from payments.connectors.sandbox.store import Entry, Operation, SandboxStore

Delay = Callable[[float], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_PREFIX = "sbx_"
_PLAIN_LENGTH = len(_PREFIX) + 32
_KINDS: dict[type[Request], Kind] = {
    AuthorizeRequest: "authorize",
    CaptureRequest: "capture",
    VoidRequest: "void",
    RefundRequest: "refund",
}
_TIMEOUT = Unknown("the acquirer did not answer in time")


class Timings(NamedTuple):
    """How long the sandbox takes, in seconds: ``slow`` for a late or lost reply, ``pending`` for a decision."""

    slow: float = 1.5
    pending: float = 5.0


class SandboxConnector:
    """The acquirer of test mode."""

    name = "sandbox"
    capabilities = Capabilities(
        livemode=False, multiple_captures=True, callbacks=True, not_found_final_after=timedelta(seconds=1)
    )

    def __init__(
        self,
        store: SandboxStore,
        signer: Signer,
        *,
        disputes: SandboxDisputes | None = None,
        deliver: Deliver | None = None,
        timings: Timings = Timings(),  # noqa: B008 - immutable
        delay: Delay = asyncio.sleep,
    ) -> None:
        """Serve from the store; callbacks are signed by ``signer`` and handed to ``deliver``, if anybody receives."""
        self._store = store
        self._disputes = disputes
        self._signer = signer
        self._deliver = deliver
        self._timings = timings
        self._delay = delay

    def single_commit(self, request: Request) -> Outcome | None:
        """Return the outcome of an ordinary operation; None for those with a story to play."""
        scenario, step = _script(request)
        if step.reply is not Reply.PROMPT or _is_disputed(request, scenario):
            return None
        return Approved(_reference(request.key, scenario)) if step.decline is None else DECLINES[step.decline]

    async def authorize(self, request: AuthorizeRequest, deadline: float) -> Outcome:
        """Reserve money on a test card."""
        return await self._call(request, None, deadline)

    async def capture(self, request: CaptureRequest, deadline: float) -> Outcome:
        """Take authorized money."""
        return await self._call(request, request.acquirer_reference, deadline)

    async def void(self, request: VoidRequest, deadline: float) -> Outcome:
        """Release what is left of an authorization."""
        return await self._call(request, request.acquirer_reference, deadline)

    async def refund(self, request: RefundRequest, deadline: float) -> Outcome:
        """Give captured money back."""
        return await self._call(request, request.acquirer_reference, deadline)

    async def lookup(
        self,
        key: str,
        *,
        kind: Kind = "authorize",  # noqa: ARG002 - found by key alone
        parent: str | None = None,  # noqa: ARG002 - the same
    ) -> Lookup:
        """Return what the books say about a key."""
        try:
            entry = await self._store.find(key)
        except SQLAlchemyError as error:
            return StillUnknown(f"the acquirer cannot be reached: {type(error).__name__}")
        return (
            NotFound() if entry is None else self._decision(entry) or StillUnknown("the acquirer has not decided yet")
        )

    async def respond_to_dispute(self, response: DisputeResponse, deadline: float) -> Outcome:
        """Hand in a response to a dispute."""
        if self._disputes is None:
            raise AssertionError("nothing was disputed here")
        try:
            async with asyncio.timeout_at(deadline):
                return await self._disputes.respond(response)
        except TimeoutError:
            return _TIMEOUT
        except SQLAlchemyError as error:
            return Unknown(f"the connection to the acquirer broke: {type(error).__name__}")

    async def key_of(self, payment: str) -> str | None:  # noqa: ARG002 - whatever is named
        """Return None: the sandbox's notices say our keys themselves."""
        return None

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback | DisputeNotice:
        """Verify and read a callback that ``deliver`` got.

        Raises:
            InvalidCallbackError: the signature or the shape is wrong.

        """
        return read_callback(self._signer, headers, body)

    async def _call(self, request: Request, parent: str | None, deadline: float) -> Outcome:
        scenario, step = _script(request)
        operation = Operation(
            key=request.key,
            kind=_KINDS[type(request)],
            reference=_reference(request.key, scenario),
            parent_reference=parent,
            amount=request.amount,
            currency=request.currency,
            outcome="pending" if step.reply is Reply.PENDING else "declined" if step.decline else "approved",
            decline_code=step.decline,
            scenario=scenario or "ordinary",
        )
        try:
            async with asyncio.timeout_at(deadline):
                return await self._play(operation, step, deadline)
        except TimeoutError:
            return _TIMEOUT
        except SQLAlchemyError as error:
            return Unknown(f"the connection to the acquirer broke: {type(error).__name__}")

    async def _play(self, operation: Operation, step: Step, deadline: float) -> Outcome:
        if step.reply is Reply.NEVER_ARRIVED:
            await self._delay(self._timings.slow)
            return _TIMEOUT
        not_after = datetime.now(UTC) + timedelta(seconds=deadline - asyncio.get_running_loop().time())
        entry = await self._store.record(operation, not_after)
        if entry is None:
            return _TIMEOUT
        if not entry.fresh:
            _refuse_another_request(operation, entry.operation)
        elif step.reply in (Reply.SLOW, Reply.LOST):
            await self._delay(self._timings.slow)
            if step.reply is Reply.LOST:
                return _TIMEOUT
        outcome = self._decision(entry)
        if outcome is None:
            return Unknown("the acquirer has not decided yet")
        if entry.fresh and step.reply is Reply.TWICE:
            await self._send_callback(operation, outcome)
            await self._send_callback(operation, outcome)
        return outcome

    def _decision(self, entry: Entry) -> Approved | Declined | None:
        operation = entry.operation
        if operation.outcome == "pending" and entry.age.total_seconds() < self._timings.pending:
            return None
        return Approved(operation.reference) if operation.decline_code is None else DECLINES[operation.decline_code]

    async def _send_callback(self, operation: Operation, outcome: Approved | Declined) -> None:
        if self._deliver is None:
            return
        headers, body = write_callback(
            self._signer, key=operation.key, kind=operation.kind, reference=operation.reference, outcome=outcome
        )
        try:
            await self._deliver(headers, body)
        except Exception:  # noqa: BLE001 - the receiver's trouble is not the caller's: the reply still goes out
            _LOG.exception("a callback of the sandbox was not received")
        await self._store.count_callback(operation.key)


def _script(request: Request) -> tuple[str | None, Step]:
    """Return the scenario of a request and what it means for this kind of operation."""
    if isinstance(request, AuthorizeRequest):
        if request.card.livemode:
            raise LiveModeRefusedError("the sandbox never serves live cards")
        scenario = request.card.test_scenario
    else:
        reference = request.acquirer_reference
        if not reference.startswith(_PREFIX):
            raise LiveModeRefusedError("the sandbox serves only what it authorized itself")
        scenario = reference[_PLAIN_LENGTH + 1 :] or None
    return scenario, step_for(scenario, _KINDS[type(request)])


def _is_disputed(request: Request, scenario: str | None) -> bool:
    """Return whether the sandbox has to remember a request, because its cardholder will dispute what it takes."""
    takes = request.capture if isinstance(request, AuthorizeRequest) else isinstance(request, CaptureRequest)
    return takes and scenario in DISPUTED


def _reference(key: str, scenario: str | None) -> str:
    """Return the acquirer's reference: ``sbx_``, 32 hex digits, and ``_`` with the scenario if there is one."""
    digest = blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{_PREFIX}{digest}" if scenario is None else f"{_PREFIX}{digest}_{scenario}"


def _refuse_another_request(asked: Operation, known: Operation) -> None:
    same = ("kind", "parent_reference", "amount", "currency")
    if any(getattr(asked, name) != getattr(known, name) for name in same):
        raise KeyReusedError(f"the key {asked.key} was used for another request before")
