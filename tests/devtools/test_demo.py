"""The demo fails loudly: an answer that is not as the story says ends it."""

import io

import pytest
from rich.console import Console as Terminal

from payments.devtools.client import Answer, Client
from payments.devtools.demo.chapters import CHAPTERS, books, pay, refunds
from payments.devtools.demo.stage import Stage
from payments.devtools.errors import DemoError


class Scripted(Client):
    """Answers every request with what was prepared for it."""

    def __init__(self, **answers):
        self._answers = answers

    def post(self, path, body, *, key=None):
        return self._answer(path)

    def get(self, path):
        return self._answer(path)

    def _answer(self, path):
        status, body = self._answers[path.rpartition("/")[2].partition("?")[0]]
        return Answer(status, {}, body)


def stage(**answers):
    client = Scripted(**answers)
    return Stage(Terminal(file=io.StringIO(), width=120), client, lambda _: ("mer_1", client))


TOKEN = (201, {"id": "pm_1"})
PAID = {"id": "pay_1", "status": "captured", "amount_captured": 2500, "card": {"brand": "visa", "last4": "4242"}}


def test_a_story_as_told():
    one = stage(payment_methods=TOKEN, payments=(201, PAID))
    pay.play(one)
    assert one.checks == 2


@pytest.mark.parametrize(
    "payment",
    [(500, {"code": "internal"}), (201, {**PAID, "status": "declined"}), (201, {**PAID, "amount_captured": 2499})],
)
def test_another_answer_ends_it(payment):
    with pytest.raises(DemoError):
        pay.play(stage(payment_methods=TOKEN, payments=payment))


def test_a_refund_too_much_that_is_accepted_ends_it():
    refund = (201, {"id": "ref_1", "status": "succeeded"})
    with pytest.raises(DemoError, match="201 instead of 422"):
        refunds.play(stage(payment_methods=TOKEN, payments=(201, PAID), refunds=refund))


@pytest.mark.parametrize(("credits", "balanced"), [(100, True), (99, False)])
def test_books_that_do_not_balance_end_it(credits, balanced):  # noqa: A002  the name in the API
    line = {"currency": "USD", "account": "platform_bank", "debits": 100, "credits": credits}
    one = stage(balances=(200, {"data": []}), trial_balance=(200, {"data": [line]}))
    if balanced:
        books.play(one)
    else:
        with pytest.raises(DemoError, match="USD"):
            books.play(one)


def test_empty_books_prove_nothing():
    with pytest.raises(DemoError):
        books.play(stage(balances=(200, {"data": []}), trial_balance=(200, {"data": []})))


def test_every_chapter_has_a_title():
    assert len({chapter.TITLE for chapter in CHAPTERS}) == len(CHAPTERS) >= 6
