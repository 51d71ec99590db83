"""Signatures, the schedule, and the ring that seals secrets."""

from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from payments.keyring import Keyring
from payments.settings import Settings
from payments.webhooks.schedule import SCHEDULE, delay
from payments.webhooks.signing import headers, new_secret


@given(st.dictionaries(st.text(), st.text()), st.integers(1, 3))
def test_the_library_of_the_standard_verifies_every_signature(content, number):
    body = str(content).replace("'", '"').encode("utf-8", "replace")
    secrets = [new_secret() for _ in range(number)]
    now = int(datetime.now(UTC).timestamp())
    sent = headers("evt_1", now, body, secrets)
    for secret in secrets:
        Webhook(secret).verify(body, sent, json_parse=False)
    for changed in (sent | {"webhook-id": "evt_2"}, sent | {"webhook-timestamp": str(now + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(body, changed, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body + b" ", sent, json_parse=False)


def test_the_schedule_lasts_three_days_with_jitter():
    waits = [delay(tries, None) for tries in range(1, 10)]
    assert all(0.9 * plan <= (wait or 0) <= 1.1 * plan for wait, plan in zip(waits, SCHEDULE[1:], strict=True))
    assert len({delay(2, None) for _ in range(20)}) > 1
    assert delay(10, None) is None
    assert delay(10, 60) is None, "what it asks for adds no attempts"


@pytest.mark.parametrize(("asked", "least", "most"), [(3_600, 3_600, 3_600), (1, 4.5, 5.5), (10**9, 86_400, 86_400)])
def test_retry_after_counts_where_it_is_later_and_up_to_a_day(asked, least, most):
    wait = delay(1, asked)
    assert wait is not None
    assert least <= wait <= most


def test_what_is_sealed_opens_for_its_owner_and_purpose_only():
    old = Keyring("k1", {"k1": b"1" * 32})
    key_id, sealed = old.seal("webhook secret", b"whsec_1", b"we_1")
    ring = Keyring("k2", {"k1": b"1" * 32, "k2": b"2" * 32})
    assert ring.open(key_id, "webhook secret", sealed, b"we_1") == b"whsec_1"
    assert b"whsec_1" not in sealed
    for purpose, owner in (("webhook secret", b"we_2"), ("other", b"we_1")):
        with pytest.raises(InvalidTag):
            ring.open(key_id, purpose, sealed, owner)


def test_loopback_is_refused_outside_of_development(tmp_path):
    fields = {"database_url": "x", "redis_url": "x", "identity_jwks_file": tmp_path, "keyring_file": tmp_path}
    with pytest.raises(ValueError, match="development"):
        Settings(environment="production", webhook_allow_loopback=True, **fields)
