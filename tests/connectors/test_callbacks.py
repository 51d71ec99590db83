"""Callbacks: sent twice by one card, signed, and read back by the same connector."""

import msgspec
import pytest

from payments.connectors.declines import decline
from payments.connectors.port import Approved, Callback, InvalidCallbackError
from payments.connectors.sandbox.callbacks import write_callback
from payments.keyring import Keyring


class Receiver:
    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, headers, body) -> None:
        self.messages.append((headers, body))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


async def test_the_callback_of_one_card_comes_twice(sandbox, receiver, requests, deadline):
    connector = sandbox(deliver=receiver)
    request = requests.authorize("duplicate_callback")

    outcome = await connector.authorize(request, deadline)

    assert isinstance(outcome, Approved)
    expected = Callback(f"cb_{outcome.reference}", request.key, "authorize", outcome)
    assert [connector.parse_callback(*message) for message in receiver.messages] == [expected, expected]


async def test_a_repeated_request_sends_no_further_callback(sandbox, receiver, requests, deadline):
    connector = sandbox(deliver=receiver)
    request = requests.authorize("duplicate_callback")

    first, second = [await connector.authorize(request, deadline) for _ in range(2)]

    assert first == second
    assert len(receiver.messages) == 2


@pytest.mark.parametrize("scenario", [None, "slow", "authorize_then_timeout"])
async def test_other_cards_send_none(scenario, sandbox, receiver, requests, deadline):
    await sandbox(deliver=receiver).authorize(requests.authorize(scenario), deadline)

    assert receiver.messages == []


async def test_a_receiver_in_trouble_does_not_cost_the_reply(sandbox, requests, deadline, caplog):
    async def refuse(headers, body) -> None:
        raise RuntimeError("no receiver today")

    outcome = await sandbox(deliver=refuse).authorize(requests.authorize("duplicate_callback"), deadline)

    assert isinstance(outcome, Approved)
    assert caplog.text.count("was not received") == 2


@pytest.fixture
def message(keyring):
    return write_callback(keyring, key="k", kind="refund", reference="sbx_1", outcome=decline("refund_rejected"))


def test_declines_arrive_too(sandbox, message):
    assert sandbox().parse_callback(*message).outcome == decline("refund_rejected")


def test_a_forged_callback_is_refused(sandbox, message):
    headers, body = message
    for forged in (
        ({}, body),
        ({**headers, "sandbox-signature": ""}, body),
        ({**headers, "sandbox-signature": "k1=ü"}, body),
        (headers, body.replace(b"refund_rejected", b"card_declined")),
    ):
        with pytest.raises(InvalidCallbackError, match="signature"):
            sandbox().parse_callback(*forged)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":1}'])
def test_a_signed_body_must_still_be_a_callback(body, sandbox, keyring):
    key_id, digest = keyring.sign("sandbox_callback", body)

    with pytest.raises(InvalidCallbackError, match="not a callback"):
        sandbox().parse_callback({"sandbox-signature": f"{key_id}={digest.hex()}"}, body)


def test_an_unknown_decline_code_is_no_callback(sandbox, keyring, message):
    body = msgspec.json.encode({**msgspec.json.decode(message[1]), "decline_code": "bad_mood"})
    key_id, digest = keyring.sign("sandbox_callback", body)

    with pytest.raises(InvalidCallbackError, match="not a callback"):
        sandbox().parse_callback({"sandbox-signature": f"{key_id}={digest.hex()}"}, body)


def test_callbacks_survive_a_rotation_of_the_key(sandbox, message):
    rotated = Keyring("k2", {"k1": b"1" * 32, "k2": b"2" * 32})

    connector = sandbox()
    connector._signer = rotated

    assert connector.parse_callback(*message).key == "k"
