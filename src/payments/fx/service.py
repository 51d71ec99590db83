"""Exchange rates, and the terms at which a payment is converted: the market's, or those of a quote."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import sqlalchemy as sa

from payments.database import Database
from payments.fresh import Fresh
from payments.fx import repository
from payments.fx.book import Book, Rate
from payments.fx.conversion import convert
from payments.fx.entries import gross, settled
from payments.fx.schemas import FxQuote, FxRate, NewRate, QuoteCreate, RatePut, Terms
from payments.merchants.service import MerchantProfile, Merchants
from shared.ids import new_uuid, show
from shared.problems import FieldError, Problem, not_found

# What a converted payment may come to: whole numbers up to here are exact in every JSON parser.
MAX_CONVERTED = 10**15

# How far the clocks of two machines may be apart.
_CLOCKS = timedelta(minutes=5)
_FOREVER = datetime.max.replace(tzinfo=UTC)


class Fx:
    """Records rates, and fixes one for a payment or, ahead of it, for a quote."""

    def __init__(
        self,
        database: Database,
        merchants: Merchants,
        *,
        base_currency: str,
        max_age: timedelta,
        quote_life: timedelta,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take the collaborators and the policy.

        Shapes:
            base_currency: what cross rates go through.
            max_age: older rates are refused.
            quote_life: how long a quote holds.
            clock: tells how old the rates in memory are.
        """
        self._database = database
        self._merchants = merchants
        self._base_currency = base_currency
        self._max_age = max_age
        self._quote_life = quote_life
        self._books: Fresh[str, Book] = Fresh(self._load_current, clock)

    async def book(self) -> Book:
        """Return the rates in force, at most two seconds old, with those that are recorded for later."""
        return await self._books.get(self._base_currency)

    async def terms(
        self,
        merchant: MerchantProfile,
        currency: str,
        amount: int,
        *,
        livemode: bool,
        quote: UUID | None,
        now: datetime,
    ) -> Terms | None:
        """Return what is fixed of a payment's conversion; None when it settles in its own currency.

        A quote is only looked at here: the commit that stores the payment consumes it, and checks it again.

        Raises:
            Problem: 422 when there is no rate or a stale one only, when the amount comes to nothing or to too much, or
                the quote is for another currency; 404 for no such quote; 409 when it is used or has expired.

        """
        if quote is not None:
            terms = await self._quoted(merchant, currency, quote, livemode=livemode)
        elif currency == merchant.settlement_currency:
            return None
        else:
            terms = await self._market(merchant, currency, now)
        _check_amount(terms, amount)
        return terms

    async def worth(self, amount: int, currency: str, target: str, now: datetime) -> int | None:
        """Return what an amount comes to at the mid rate, for comparison only; None when there is no usable rate."""
        if currency == target:
            return amount
        try:
            rate = (await self.book()).mid(currency, target, now)
        except Problem:
            return None
        return convert(amount, rate.mid, currency, target).amount

    async def put(self, rates: Sequence[RatePut], created_by: str) -> list[FxRate]:
        """Add the rates that an administrator sends to the history, all or none.

        A rate that is recorded already, for the same pair, moment and source, is no news; another one corrects it.

        Raises:
            Problem: 422 when two of them are for the same pair, moment and source.

        """
        now = datetime.now(UTC)
        new = [NewRate(rate.base, rate.quote, rate.rate, rate.effective_at or now, rate.source) for rate in rates]
        seen: dict[tuple[str, str, datetime, str], int] = {}
        for index, (base, quote, _, effective_at, source) in enumerate(new):
            first = seen.setdefault((base, quote, effective_at, source), index)
            if first != index:
                detail = f"The same pair, moment and source as entry {first}"
                raise Problem(422, "validation_failed", f"{detail}.", errors=(FieldError(detail, f"/{index}"),))
        async with self._database.transaction() as connection:
            await repository.record(connection, new, created_by)
            created = await repository.recorded_at(connection, new)
        self._books.forget(self._base_currency)
        recorded = (Rate(*rate, created_at) for rate, created_at in zip(new, created, strict=True))
        return [self._show(rate, now) for rate in recorded]

    async def rates(self, at: datetime | None, base: str | None, quote: str | None) -> list[FxRate]:
        """Return the rates in force at a moment.

        Without currencies: those that are recorded. With one or both: what a payment between them gets, derived ones
        too. Stale ones are shown and say so.
        """
        moment = at or datetime.now(UTC)
        book = await self._load(moment, moment)
        pairs = book.pairs
        if base is not None or quote is not None:
            bases = book.currencies if base is None else [base]
            quoted = book.currencies if quote is None else [quote]
            pairs = [(first, second) for first in bases for second in quoted if first != second]
        found = (book.find(first, second, moment) for first, second in pairs)
        return [self._show(rate, moment) for rate in found if rate is not None]

    async def create_quote(self, merchant_id: UUID, body: QuoteCreate, *, livemode: bool) -> FxQuote:
        """Hold today's rate for one payment.

        Raises:
            Problem: 422 when there is nothing to convert, no rate or a stale one only.

        """
        merchant = await self._merchants.profile(merchant_id)
        settlement = merchant.settlement_currency
        if body.to_currency not in (None, settlement):
            raise _invalid("/to_currency", f"Your payments settle in {settlement}")
        if body.from_currency == settlement:
            raise _invalid("/from_currency", f"Payments in {settlement} settle as they are: nothing to convert")
        terms = await self._market(merchant, body.from_currency, datetime.now(UTC))
        if body.amount is not None:
            _check_amount(terms, body.amount)
        values = {
            "id": new_uuid(),
            "merchant_id": merchant_id,
            "livemode": livemode,
            "from_currency": terms.currency,
            "to_currency": terms.settlement_currency,
            "rate_mid": terms.mid,
            "spread_basis_points": terms.spread_basis_points,
            "rate_source": terms.source,
            "rate_effective_at": terms.effective_at,
            "amount": body.amount,
        }
        async with self._database.transaction() as connection:
            return _quote(await repository.insert_quote(connection, values, self._quote_life))

    async def quote(self, merchant_id: UUID, quote_id: UUID, *, livemode: bool) -> FxQuote:
        """Return a merchant's quote; raises 404 if there is none."""
        return _quote(await self._find(merchant_id, quote_id, livemode=livemode))

    async def prune_quotes(self, age: timedelta) -> int:
        """Delete quotes that nobody used and that expired longer ago than this; return how many."""
        async with self._database.transaction() as connection:
            return await repository.delete_unused(connection, age)

    async def _market(self, merchant: MerchantProfile, currency: str, now: datetime) -> Terms:
        rate = (await self.book()).mid(currency, merchant.settlement_currency, now)
        return Terms(rate.base, rate.quote, rate.mid, merchant.fx_spread_basis_points, rate.source, rate.effective_at)

    async def _quoted(self, merchant: MerchantProfile, currency: str, quote_id: UUID, *, livemode: bool) -> Terms:
        row = await self._find(merchant.id, quote_id, livemode=livemode)
        if row["consumed_by"] is not None:
            raise Problem(
                409, "fx_quote_used", f"This quote was used by {show('pay', row['consumed_by'])}. Get a new one."
            )
        if row["expired"]:
            raise Problem(
                409, "fx_quote_expired", "This quote has expired. Get a new one, or pay at today's rate without."
            )
        if (row["from_currency"], row["to_currency"]) != (currency, merchant.settlement_currency):
            raise _invalid(
                "/settlement_quote",
                f"This quote is from {row['from_currency']} to {row['to_currency']}; "
                f"the payment is in {currency} and settles in {merchant.settlement_currency}",
            )
        return _terms(row)

    async def _find(self, merchant_id: UUID, quote_id: UUID, *, livemode: bool) -> sa.RowMapping:
        async with self._database.transaction() as connection:
            row = await repository.find_quote(connection, quote_id, merchant_id, livemode=livemode)
        if row is None:
            raise not_found("quote")
        return row

    async def _load_current(self, _: str) -> Book:
        # From a little earlier on, so that a process whose clock is behind still finds the rate before the newest.
        return await self._load(datetime.now(UTC) - _CLOCKS, _FOREVER)

    async def _load(self, at: datetime, until: datetime) -> Book:
        async with self._database.transaction() as connection:
            rows = await repository.in_force(connection, at, until)
        rates = (Rate(*row.values()) for row in rows)
        return Book(rates, pivot=self._base_currency, max_age=self._max_age)

    def _show(self, rate: Rate, at: datetime) -> FxRate:
        return FxRate(
            base=rate.base,
            quote=rate.quote,
            rate=rate.mid,
            effective_at=rate.effective_at,
            source=rate.source,
            stale=at - rate.effective_at > self._max_age,
            created_at=rate.created_at,
        )


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(422, "validation_failed", f"{detail}.", errors=(FieldError(detail, pointer),))


def _check_amount(terms: Terms, amount: int) -> None:
    if settled(terms, amount) < 1:
        code, worth = "amount_too_small", "less than one minor unit"
    elif gross(terms, amount) > MAX_CONVERTED:
        code, worth = "amount_too_large", "more than can be settled"
    else:
        return
    detail = f"In {terms.settlement_currency}, which it settles in, this amount comes to {worth}"
    raise Problem(422, code, f"{detail}.", errors=(FieldError(detail, "/amount"),))


def _terms(row: sa.RowMapping) -> Terms:
    return Terms(
        row["from_currency"],
        row["to_currency"],
        row["rate_mid"],
        row["spread_basis_points"],
        row["rate_source"],
        row["rate_effective_at"],
        row["id"],
    )


def _quote(row: sa.RowMapping) -> FxQuote:
    terms, amount = _terms(row), row["amount"]
    used = row["consumed_by"] is not None
    return FxQuote(
        id=show("fxq", row["id"]),
        livemode=row["livemode"],
        status="used" if used else "expired" if row["expired"] else "open",
        from_currency=terms.currency,
        to_currency=terms.settlement_currency,
        rate=terms.rate,
        mid_rate=terms.mid,
        spread_basis_points=terms.spread_basis_points,
        rate_source=terms.source,
        rate_effective_at=terms.effective_at,
        amount=amount,
        settlement_amount=settled(terms, amount) if amount is not None else None,
        payment=show("pay", row["consumed_by"]) if used else None,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
