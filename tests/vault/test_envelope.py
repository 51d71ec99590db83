"""Envelope encryption: what opens, and everything that must not."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.vault.envelope import Envelope, Owner, SealBrokenError
from payments.vault.keys import LocalKeys, key_provider
from shared.ids import new_uuid
from tests.vault.support import write_keys

SECRET = b"4242424242424242"
ALL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def owner():
    return Owner(new_uuid(), new_uuid())


def flip(data: bytes, bit: int) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


@ALL
@given(st.binary(max_size=64))
async def test_round_trip(envelope, plaintext):
    whose = owner()
    sealed = await envelope.seal(whose, plaintext)
    assert await envelope.open(whose, sealed) == plaintext
    assert len(plaintext) < 4 or plaintext not in sealed.ciphertext


async def test_nothing_repeats(envelope):
    whose = owner()
    sealed = [await envelope.seal(whose, SECRET) for _ in range(50)]
    for part in ("nonce", "wrapped_key", "ciphertext"):
        assert len({getattr(one, part) for one in sealed}) == 50
    assert {(len(one.nonce), len(one.ciphertext)) for one in sealed} == {(12, 16 + 16)}


@ALL
@given(part=st.sampled_from(["wrapped_key", "nonce", "ciphertext"]), bit=st.integers(0, 10_000))
async def test_one_altered_bit_is_noticed(envelope, part, bit):
    whose = owner()
    sealed = await envelope.seal(whose, SECRET)
    with pytest.raises(SealBrokenError):
        await envelope.open(whose, replace(sealed, **{part: flip(getattr(sealed, part), bit)}))


@pytest.mark.parametrize("part", ["wrapped_key", "nonce", "ciphertext"])
@pytest.mark.parametrize("size", [0, 5, 11])
async def test_a_truncated_record_is_noticed(envelope, part, size):
    whose = owner()
    sealed = await envelope.seal(whose, SECRET)
    with pytest.raises(SealBrokenError):
        await envelope.open(whose, replace(sealed, **{part: getattr(sealed, part)[:size]}))


async def test_a_record_moved_to_another_owner_does_not_open(envelope):
    one, other = owner(), owner()
    sealed = await envelope.seal(one, SECRET)
    for thief in (
        other,
        Owner(other.merchant_id, one.payment_method_id),
        Owner(one.merchant_id, other.payment_method_id),
        Owner(one.payment_method_id, one.merchant_id),
    ):
        with pytest.raises(SealBrokenError):
            await envelope.open(thief, sealed)


async def test_parts_of_two_records_do_not_mix(envelope):
    whose = owner()
    one, other = await envelope.seal(whose, SECRET), await envelope.seal(whose, SECRET)
    for part in ("wrapped_key", "nonce", "ciphertext"):
        with pytest.raises(SealBrokenError):
            await envelope.open(whose, replace(one, **{part: getattr(other, part)}))


async def test_a_wrapped_key_alone_does_not_open_for_another_owner(envelope):
    whose, thief = owner(), owner()
    key = await envelope.keys.generate_data_key(whose)
    assert await envelope.keys.unwrap(key.key_id, key.wrapped, whose) == key.plaintext
    with pytest.raises(SealBrokenError):
        await envelope.keys.unwrap(key.key_id, key.wrapped, thief)


async def test_the_key_id_is_part_of_what_is_protected(tmp_path):
    same = bytes(range(32))
    envelope = Envelope(LocalKeys(write_keys(tmp_path / "keys.json", {"k1": same, "k2": same}, "k1")))
    whose = owner()
    sealed = await envelope.seal(whose, SECRET)
    with pytest.raises(SealBrokenError):
        await envelope.open(whose, replace(sealed, key_id="k2"))


async def test_keys_rotate_while_they_are_in_use(key_file, envelope):
    whose = owner()
    old = await envelope.seal(whose, SECRET)
    write_keys(key_file, {"k1": bytes(range(32)), "k2": bytes(32)}, "k2")
    new = await envelope.seal(whose, SECRET)
    assert (old.key_id, new.key_id) == ("k1", "k2")
    assert await envelope.open(whose, old) == await envelope.open(whose, new) == SECRET
    assert await envelope.keys.active_key_id() == "k2"

    write_keys(key_file, {"k2": bytes(32)}, "k2")
    assert await envelope.open(whose, new) == SECRET
    with pytest.raises(SealBrokenError):
        await envelope.open(whose, old)


@pytest.mark.parametrize("text", ["", '{"active": "k1"', '{"active": "k9", "keys": {"k9": "c2VjcmV0"}}', "[]", None])
async def test_a_key_file_that_cannot_be_read_changes_nothing(key_file, envelope, caplog, text):
    whose = owner()
    sealed = await envelope.seal(whose, SECRET)
    key_file.unlink()
    if text is not None:
        key_file.write_text(text)
    assert await envelope.open(whose, sealed) == SECRET
    assert (await envelope.seal(whose, SECRET)).key_id == "k1"
    assert "cannot be read" in caplog.text
    assert "c2VjcmV0" not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"active": "k1", "keys": {}}',
        '{"active": "k1", "keys": {"k1": "c2hvcnQ="}}',
        '{"active": "k1", "keys": {"k1": "not base64!"}}',
    ],
)
def test_a_wrong_key_file_is_refused_at_the_start(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the parsers' own errors are among them
        LocalKeys(path)
    assert "c2hvcnQ" not in str(caught.value)


def test_settings_name_exactly_one_keeper(key_file):
    assert isinstance(key_provider(key_file, None), LocalKeys)
    for arguments in ((None, None), (key_file, "alias/vault")):
        with pytest.raises(ValueError, match="PAYMENTS_VAULT_KEY_FILE or PAYMENTS_VAULT_KMS_KEY_ID"):
            key_provider(*arguments)
