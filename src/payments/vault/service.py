"""The vault's one door: cards go in, tokens come out, and numbers come out for acquirers only."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa

from payments.batching import Batcher
from payments.database import Database
from payments.http.lists import Cursor
from payments.keyring import Keyring
from payments.vault import repository
from payments.vault.cards import last_place_on_earth, read_card
from payments.vault.envelope import Envelope, KeysUnavailableError, Owner
from payments.vault.recent import Recent
from payments.vault.schemas import CardShown, CardToken, PaymentMethod, PaymentMethodCreate, PrimaryAccountNumber
from shared.ids import new_uuid, show
from shared.problems import FieldError, Problem, not_found

__all__ = ["CardToken", "PrimaryAccountNumber", "Vault"]

_log = logging.getLogger(__name__)

# About half a kilobyte each.
_CACHED_TOKENS = 20_000


class Vault:
    """Stores cards for merchants. Everything is scoped by merchant and mode; anything else does not exist."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        envelope: Envelope,
        test_cards: Mapping[str, str | None],
        *,
        today: Callable[[], date] = last_place_on_earth,
    ) -> None:
        """Take the collaborators, and the test card numbers with the sandbox scenario each stands for."""
        self._database = database
        self._keyring = keyring
        self._envelope = envelope
        self._test_cards = test_cards
        self._today = today
        self._tokens: Recent[UUID, CardToken] = Recent(_CACHED_TOKENS)
        self._look_ups: Batcher[UUID, CardToken | None] = Batcher(lambda ids, _: self._look_up(ids))

    async def tokenize(self, merchant_id: UUID, request: PaymentMethodCreate, *, livemode: bool) -> PaymentMethod:
        """Check a card, encrypt its number and return what may be shown of it. The CVC goes no further than this call.

        Raises:
            Problem: 422 that points at each wrong field; 503 while the keys cannot be reached.

        """
        card = read_card(
            number=request.number.get_secret_value(),
            exp_month=request.exp_month,
            exp_year=request.exp_year,
            cvc=request.cvc.get_secret_value(),
            today=self._today(),
        )
        if livemode and card.number in self._test_cards:
            raise Problem(
                422,
                "validation_failed",
                "This is a test card in live mode. Use a test key (sk_test_…) with it, or a real card with this key.",
                errors=[FieldError("A test card in live mode", "/number")],
            )
        owner = Owner(merchant_id, new_uuid())
        key_id, fingerprint = self._keyring.sign(
            f"card_fingerprint.{'live' if livemode else 'test'}", card.number.encode()
        )
        try:
            sealed = await self._envelope.seal(owner, card.number.encode())
        except KeysUnavailableError as error:
            raise _keys_unavailable() from error
        method = {
            "id": owner.payment_method_id,
            "merchant_id": merchant_id,
            "livemode": livemode,
            "brand": card.brand.name,
            "last4": card.number[-4:],
            "bin": card.number[:6],
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "cardholder_name": request.name,
            "fingerprint": fingerprint.hex(),
            "fingerprint_key_id": key_id,
            "test_scenario": None if livemode else self._test_cards.get(card.number),
        }
        async with self._database.transaction() as connection:
            row = await repository.insert(connection, method, sealed)
        return _shown(row)

    async def get(self, merchant_id: UUID, payment_method_id: UUID, *, livemode: bool) -> PaymentMethod:
        """Return one payment method; raises 404 if there is none."""
        async with self._database.transaction() as connection:
            row = await repository.find(connection, payment_method_id, merchant_id, livemode=livemode)
        if row is None:
            raise not_found("payment method")
        return _shown(row)

    async def list(self, merchant_id: UUID, place: Cursor, *, livemode: bool) -> Sequence[PaymentMethod]:
        """Return up to ``limit + 1`` payment methods, newest first."""
        async with self._database.transaction() as connection:
            rows = await repository.page(connection, merchant_id, place, livemode=livemode)
        return [_shown(row) for row in rows]

    async def delete(self, merchant_id: UUID, payment_method_id: UUID, *, livemode: bool) -> None:
        """Destroy the encrypted number; what was paid with it stays. Raises 404 if there is none."""
        async with self._database.transaction() as connection:
            existed = await repository.delete(connection, payment_method_id, merchant_id, livemode=livemode)
        self._tokens.forget(payment_method_id)
        if not existed:
            raise not_found("payment method")

    async def card_of(self, merchant_id: UUID, payment_method_id: UUID, *, livemode: bool) -> CardToken:
        """Return the card to pay with; raises 404 if there is none.

        Another process may have deleted it a moment ago: whoever writes checks ``deleted_at`` in the same commit.
        """
        token = self._tokens.get(payment_method_id)
        if token is None:
            token = await self._look_ups.submit(payment_method_id)
        if token is None or token.merchant_id != merchant_id or token.livemode != livemode:
            raise not_found("payment method")
        return token

    async def reveal(self, merchant_id: UUID, payment_method_id: UUID) -> PrimaryAccountNumber:
        """Return the number for an acquirer that needs it; every use is logged.

        Raises:
            Problem: 404 if the card is gone; 503 while the keys cannot be reached.
            SealBrokenError: the stored record was altered.

        """
        async with self._database.transaction() as connection:
            sealed = await repository.sealed_card(connection, payment_method_id, merchant_id)
        if sealed is None:
            raise not_found("payment method")
        owner = Owner(merchant_id, payment_method_id)
        try:
            number = PrimaryAccountNumber((await self._envelope.open(owner, sealed)).decode())
        except KeysUnavailableError as error:
            raise _keys_unavailable() from error
        _log.info("card number revealed", extra={**owner.context(), "key_id": sealed.key_id})
        return number

    async def _look_up(self, ids: Sequence[UUID]) -> Sequence[CardToken | None]:
        async with self._database.transaction() as connection:
            rows = await repository.find_many(connection, sorted(set(ids)))
        found = {row["id"]: _token(row) for row in rows}
        for payment_method_id, token in found.items():
            self._tokens.put(payment_method_id, token)
        return [found.get(payment_method_id) for payment_method_id in ids]


def _keys_unavailable() -> Problem:
    return Problem(
        503, "vault_keys_unavailable", "The vault cannot reach its keys. Nothing was stored; try again.", retryable=True
    )


def _token(row: sa.RowMapping) -> CardToken:
    return CardToken(**{name: row[name] for name in CardToken.__struct_fields__})


def _shown(row: sa.RowMapping) -> PaymentMethod:
    return PaymentMethod(
        id=show("pm", row["id"]),
        livemode=row["livemode"],
        card=CardShown(
            brand=row["brand"],
            last4=row["last4"],
            bin=row["bin"],
            exp_month=row["exp_month"],
            exp_year=row["exp_year"],
            name=row["cardholder_name"],
            fingerprint=row["fingerprint"],
            fingerprint_key_id=row["fingerprint_key_id"],
        ),
        created_at=row["created_at"],
    )
