"""The sandbox's callbacks: a JSON body and one signature header, ``sandbox-signature: <key id>=<hex HMAC-SHA256>``."""

import hmac
from collections.abc import Mapping
from typing import Protocol

import msgspec

from payments.connectors.declines import DECLINES
from payments.connectors.port import Approved, Callback, Declined, DisputeNotice, InvalidCallbackError, Kind

_SIGNATURE = "sandbox-signature"
_PURPOSE = "sandbox_callback"


class Signer(Protocol):
    """Keyed hashes per purpose: what ``payments.keyring.Keyring`` offers."""

    def sign(self, purpose: str, data: bytes) -> tuple[str, bytes]:
        """Return the active key's id and its hash."""

    def candidates(self, purpose: str, data: bytes) -> list[tuple[str, bytes]]:
        """Return the hash by each key that is still valid."""


class _Notice(msgspec.Struct, frozen=True, tag_field="about", tag="dispute"):
    dispute: DisputeNotice


class _Body(msgspec.Struct, frozen=True, tag_field="about", tag="operation"):
    id: str
    key: str
    kind: Kind
    reference: str
    decline_code: str | None


def write_callback(
    signer: Signer, *, key: str, kind: Kind, reference: str, outcome: Approved | Declined
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body; the id depends on the operation alone, so repeated deliveries share it."""
    code = outcome.code if isinstance(outcome, Declined) else None
    return _signed(signer, msgspec.json.encode(_Body(f"cb_{reference}", key, kind, reference, code)))


def write_notice(signer: Signer, notice: DisputeNotice) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a callback about a dispute."""
    return _signed(signer, msgspec.json.encode(_Notice(notice)))


def _signed(signer: Signer, body: bytes) -> tuple[dict[str, str], bytes]:
    key_id, digest = signer.sign(_PURPOSE, body)
    return {"content-type": "application/json", _SIGNATURE: f"{key_id}={digest.hex()}"}, body


def read_callback(signer: Signer, headers: Mapping[str, str], body: bytes) -> Callback | DisputeNotice:
    """Verify and read a callback.

    Raises:
        InvalidCallbackError: the signature or the shape is wrong.

    """
    given = headers.get(_SIGNATURE, "").encode()
    valid = [f"{key_id}={digest.hex()}".encode() for key_id, digest in signer.candidates(_PURPOSE, body)]
    if not any(hmac.compare_digest(given, one) for one in valid):
        raise InvalidCallbackError("the signature is missing or wrong")
    try:
        message = msgspec.json.decode(body, type=_Notice | _Body)
        if isinstance(message, _Notice):
            return message.dispute
        outcome = Approved(message.reference) if message.decline_code is None else DECLINES[message.decline_code]
    except (msgspec.DecodeError, KeyError) as error:
        raise InvalidCallbackError("the body is not a callback") from error
    return Callback(message.id, message.key, message.kind, outcome)
