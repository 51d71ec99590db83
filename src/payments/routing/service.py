"""Routes of merchants: set by people, asked by every payment."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TypeAlias
from uuid import UUID

from payments.connectors.port import Connector
from payments.connectors.registry import Registry
from payments.database import Database
from payments.fresh import Fresh
from payments.merchants.service import Merchants
from payments.routing import repository
from payments.routing.schemas import Route, Routes, RoutesPut
from shared.identity import Identity
from shared.ids import show
from shared.problems import FieldError, Problem

_ANY = "*"
Known: TypeAlias = Mapping[tuple[bool, str], Sequence[str]]


class Routing:
    """Says in which order acquirers are asked; what a payment sees is at most two seconds old."""

    def __init__(self, database: Database, merchants: Merchants, connectors: Registry) -> None:
        """Take the collaborators."""
        self._database = database
        self._merchants = merchants
        self._connectors = connectors
        self._known: Fresh[UUID, Known] = Fresh(self._load, monotonic)

    async def route(self, merchant_id: UUID, currency: str, *, livemode: bool) -> list[Connector]:
        """Return the acquirers for a new payment, the first choice first; never none.

        Raises:
            Problem: 422 ``no_acquirer``, no acquirer serves this mode; 503, none of the route is configured now.

        """
        known = await self._known.get(merchant_id)
        names = known.get((livemode, currency)) or known.get((livemode, _ANY))
        if names is None:
            return [self._connectors.connector_for(livemode=livemode)]
        found = [self._connectors.find(name, livemode=livemode) for name in names]
        usable = [connector for connector in found if connector is not None]
        return usable or [self._connectors.named(names[0], livemode=livemode)]

    async def show(self, merchant_id: UUID, *, livemode: bool) -> Routes:
        """Return a merchant's routes; raises 404 if there is no such merchant."""
        await self._merchants.profile(merchant_id)
        found = await self._load(merchant_id)
        routes = [
            Route(currency=None if currency == _ANY else currency, acquirers=list(names))
            for (mode, currency), names in found.items()
            if mode is livemode
        ]
        return Routes(merchant=show("mer", merchant_id), livemode=livemode, routes=routes)

    async def put(self, person: Identity, merchant_id: UUID, body: RoutesPut) -> Routes:
        """Replace a merchant's routes in one mode; payments follow within two seconds.

        Raises:
            Problem: 404 for the merchant; 422 for an acquirer that is not configured, or named twice.

        """
        await self._merchants.profile(merchant_id)
        errors = tuple(self._errors(body))
        if errors:
            raise Problem(422, "validation_failed", "The request is not valid; see errors.", errors=errors)
        rows = [
            {
                "merchant_id": merchant_id,
                "livemode": body.livemode,
                "currency": route.currency or _ANY,
                "acquirers": route.acquirers,
                "updated_by": person.subject,
            }
            for route in body.routes
        ]
        async with self._database.transaction() as connection:
            await repository.replace(connection, merchant_id, rows, livemode=body.livemode)
        self._known.forget(merchant_id)
        return await self.show(merchant_id, livemode=body.livemode)

    def _errors(self, body: RoutesPut) -> list[FieldError]:
        errors, seen = [], set()
        for at, route in enumerate(body.routes):
            if route.currency in seen:
                errors.append(FieldError("Another route is for the same currency", f"/routes/{at}/currency"))
            seen.add(route.currency)
            if len(set(route.acquirers)) < len(route.acquirers):
                errors.append(FieldError("Name each acquirer once", f"/routes/{at}/acquirers"))
            errors += [
                FieldError("No such acquirer is configured for this mode", f"/routes/{at}/acquirers/{place}")
                for place, name in enumerate(route.acquirers)
                if self._connectors.find(name, livemode=body.livemode) is None
            ]
        return errors

    async def _load(self, merchant_id: UUID) -> Known:
        async with self._database.snapshot() as connection:
            rows = await repository.find(connection, merchant_id)
        return {(row["livemode"], row["currency"]): row["acquirers"] for row in rows}
