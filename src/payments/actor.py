"""Who changes something: noted when a person is let through, told to the database with the change it makes."""

from contextvars import ContextVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class Actor(msgspec.Struct, frozen=True):
    """A person and what they asked for.

    Shapes:
        address: where from, as the gateway saw it.
        route: method and path with its placeholders.
    """

    actor: str
    kind: str
    roles: list[str]
    address: str | None
    request_id: str | None
    route: str


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_TELL = sa.text("SELECT set_config('payments.actor', :actor, true)")


def note(actor: Actor) -> None:
    """Remember who asked, for the rest of this request."""
    _actor.set(actor)


async def tell(connection: AsyncConnection) -> None:
    """Tell the database, for the rest of this transaction."""
    actor = _actor.get()
    if actor is not None:
        await connection.execute(_TELL, {"actor": msgspec.json.encode(actor).decode()})
