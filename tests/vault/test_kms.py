"""Data keys from AWS KMS, against moto."""

from dataclasses import replace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from payments.vault.envelope import Envelope, KeysUnavailableError, Owner, SealBrokenError
from payments.vault.keys import KmsKeys, key_provider
from shared.ids import new_uuid, show

ALIAS = "alias/vault"
SECRET = b"4242424242424242"
WHOSE = Owner(new_uuid(), new_uuid())


@pytest.fixture
def kms(monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("kms")
        client.create_alias(AliasName=ALIAS, TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"])
        yield client


def arn(kms):
    return kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]


async def test_round_trip_records_the_key_that_wrapped(kms):
    envelope = Envelope(KmsKeys(kms, ALIAS))
    sealed = await envelope.seal(WHOSE, SECRET)
    assert sealed.key_id == arn(kms) == await envelope.keys.active_key_id()
    assert await envelope.open(WHOSE, sealed) == SECRET


async def test_the_encryption_context_names_the_owner(kms):
    envelope = Envelope(KmsKeys(kms, ALIAS))
    sealed = await envelope.seal(WHOSE, SECRET)
    context = {"merchant": show("mer", WHOSE.merchant_id), "payment_method": show("pm", WHOSE.payment_method_id)}
    assert len(kms.decrypt(CiphertextBlob=sealed.wrapped_key, EncryptionContext=context)["Plaintext"]) == 32
    for thief in (Owner(WHOSE.merchant_id, new_uuid()), Owner(new_uuid(), WHOSE.payment_method_id)):
        with pytest.raises(SealBrokenError):
            await envelope.open(thief, sealed)


async def test_an_altered_wrapped_key_is_noticed(kms):
    envelope = Envelope(KmsKeys(kms, ALIAS))
    sealed = await envelope.seal(WHOSE, SECRET)
    with pytest.raises(SealBrokenError):
        await envelope.open(WHOSE, replace(sealed, wrapped_key=sealed.wrapped_key[:-1] + b"\x00\x01"))


async def test_the_alias_moves_to_a_new_key_and_the_old_one_still_reads(kms):
    envelope = Envelope(KmsKeys(kms, ALIAS))
    old = await envelope.seal(WHOSE, SECRET)
    kms.update_alias(AliasName=ALIAS, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    new = await envelope.seal(WHOSE, SECRET)
    assert new.key_id == arn(kms) != old.key_id
    assert await envelope.open(WHOSE, old) == await envelope.open(WHOSE, new) == SECRET


class Failing:
    """A client whose every call fails."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, name):
        def call(**_):
            raise self.error

        return call


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://kms.invalid"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "any"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "any"),
        ClientError({"Error": {"Code": "DisabledException"}}, "any"),
    ],
)
async def test_an_unreachable_keeper_is_not_a_broken_record(error):
    keys = KmsKeys(cast("Any", Failing(error)), ALIAS)
    for call in (keys.active_key_id(), keys.generate_data_key(WHOSE), keys.unwrap("key", b"wrapped", WHOSE)):
        with pytest.raises(KeysUnavailableError):
            await call


async def test_settings_can_name_a_kms_key(kms):
    keys = key_provider(None, ALIAS)
    assert await keys.active_key_id() == arn(kms)
