"""Card numbers, CVCs and keys do not slip out by printing, logging, pickling or encoding."""

import asyncio
import copy
import json
import pickle
import traceback
from dataclasses import asdict

import msgspec
import pytest

from payments.vault.envelope import Owner
from payments.vault.keys import LocalKeys
from payments.vault.schemas import PrimaryAccountNumber
from shared.ids import new_uuid
from tests.vault.support import VISA, card


def test_a_number_hides_in_every_text_form():
    number = PrimaryAccountNumber(VISA)
    for text in (
        repr(number),
        str(number),
        f"{number}",
        f"{number!r:>60}",
        repr([number]),
        repr({1: number}),
    ):
        assert VISA not in text
    assert number.reveal() == VISA


@pytest.mark.parametrize(
    "encode",
    [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps, copy.copy, copy.deepcopy, vars, hash],
)
def test_a_number_cannot_be_encoded_by_accident(encode):
    with pytest.raises(TypeError) as caught:
        encode(PrimaryAccountNumber(VISA))
    assert VISA not in str(caught.value)


def test_numbers_compare():
    assert PrimaryAccountNumber(VISA) == PrimaryAccountNumber(VISA)
    assert PrimaryAccountNumber(VISA) != PrimaryAccountNumber(VISA[:-1])
    assert PrimaryAccountNumber(VISA) != VISA


def test_a_request_hides_number_and_cvc():
    request = card(cvc="907")
    for text in (repr(request), str(request), str(request.model_dump()), request.model_dump_json()):
        assert VISA not in text.replace(" ", "")
        assert "4242" not in text
        assert "907" not in text


async def test_keys_hide(envelope, key_file):
    owner = Owner(new_uuid(), new_uuid())
    key = await envelope.keys.generate_data_key(owner)
    sealed = await envelope.seal(owner, VISA.encode())
    for secret, holder in (
        (key.plaintext, key),
        (bytes(range(32)), LocalKeys(key_file)),
        (bytes(range(32)), LocalKeys(key_file)._current()),
        (sealed.ciphertext, sealed),
    ):
        assert repr(secret)[2:-1] not in repr(holder)
    assert set(asdict(sealed)) == {"key_id", "wrapped_key", "nonce", "ciphertext"}


async def test_a_failure_says_nothing_of_the_card(vault):
    # No merchant of this id: the database refuses the row, and its error quotes the parameters it was given.
    request = card()
    with pytest.raises(Exception, match="payment_methods_merchant_id_fkey") as caught:
        await vault.tokenize(new_uuid(), request, livemode=False)
    text = "".join(traceback.format_exception(caught.value))
    assert VISA not in text
    assert "4242 4242" not in text


async def test_nothing_is_left_running(vault, merchant):
    before = asyncio.all_tasks()
    await vault.tokenize(merchant, card(), livemode=False)
    assert asyncio.all_tasks() == before
