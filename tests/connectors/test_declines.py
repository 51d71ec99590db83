"""One table of decline codes, complete and safe to show."""

from typing import get_args

import pytest

from payments.connectors.declines import DECLINES, DeclineCode, decline


def test_every_code_has_its_decline():
    assert set(DECLINES) == set(get_args(DeclineCode))
    assert {code: entry.code for code, entry in DECLINES.items()} == {code: code for code in DECLINES}


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_a_message_is_one_sentence(code):
    message = decline(code).message

    assert message.endswith(".")
    assert message[0].isupper()
    assert code not in message


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent"])
def test_a_thief_learns_nothing(code):
    assert decline(code).message == decline("card_declined").message


def test_only_trouble_on_the_way_is_retryable():
    retryable = {code for code, entry in DECLINES.items() if entry.retryable}

    assert retryable == {"issuer_unavailable", "not_processed", "processing_error"}


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        DECLINES["card_declined"] = decline("expired_card")  # type: ignore[index]
