"""The rules and lists in force, in memory, at most two seconds old."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import sqlalchemy as sa

from payments.database import Database
from payments.fraud import repository
from payments.fraud.lists import Lists
from payments.fraud.rules import RuleSet
from payments.fresh import Fresh

_log = logging.getLogger(__name__)


class Book:
    """Loads what has changed since the last look, and nothing else."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = monotonic) -> None:
        """Take where rules and lists are kept; the clock tells how old what is in memory is."""
        self._database = database
        self._fresh: Fresh[None, tuple[RuleSet, Lists]] = Fresh(self._load, clock)
        self._rules: RuleSet | None = None
        self._lists = Lists()
        self._looking = asyncio.Lock()  # who looks again does so after a look under way, and builds on it

    async def current(self) -> tuple[RuleSet, Lists]:
        """Return the rules and the lists. While the database is gone, those that were known last."""
        return await self._fresh.get(None)

    def forget(self) -> None:
        """Look again: something was changed here. Other processes follow within two seconds."""
        self._fresh.forget(None)

    async def _load(self, _: None) -> tuple[RuleSet, Lists]:
        try:
            async with self._looking, self._database.snapshot() as connection:
                newest = await repository.versions(connection)
                if newest.lists != self._lists.version:
                    changed = await repository.changed_entries(connection, self._lists.version)
                    self._lists.apply(newest.lists, changed)
                if self._rules is None or newest.rules != self._rules.version:
                    self._rules = RuleSet(newest.rules, await repository.rule_set(connection, newest.rules))
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if self._rules is None:
                raise
            _log.warning("rules and lists could not be looked at: %s", error)
        return self._rules, self._lists
