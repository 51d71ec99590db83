"""How long the keys in use have been in use.

No store of ours says how old a key is: files are written anew with every pod, and a ring has names only. So the
platform remembers when it saw a key first.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from payments.database import Database
from payments.key_ages import repository

KeysInUse: TypeAlias = Callable[[], Awaitable[Iterable[str]]]


class KeyAges:
    """Remembers keys by what they are for."""

    def __init__(self, database: Database, purposes: Mapping[str, KeysInUse]) -> None:
        """Take who tells, for each purpose, the ids of its keys in use: several while one replaces another."""
        self._database = database
        self._purposes = purposes

    async def since(self) -> dict[str, datetime]:
        """Return by purpose since when the newest of its keys has been in use."""
        used = [(purpose, key_id) for purpose, tell in self._purposes.items() for key_id in await tell()]
        async with self._database.transaction() as connection:
            await repository.put(connection, used)
            return await repository.find(connection, used)
