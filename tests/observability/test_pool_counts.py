"""What is said of the pool for reads: who holds a connection, and who waits for one."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa

from payments.database import Database


async def test_who_waits_is_counted(database):
    pool = Database(database.url, pool_size=2)
    try:
        async with AsyncExitStack() as held:
            await held.enter_async_context(pool.transaction())
            await held.enter_async_context(pool.snapshot())
            assert pool.pool_counts() == {"used": 2, "most": 2, "waiting": 0}
            waiting = [asyncio.create_task(_look(pool)) for _ in range(3)]
            await asyncio.sleep(0)
            assert pool.pool_counts()["waiting"] == 3
            waiting[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting[0]
            assert pool.pool_counts() == {"used": 2, "most": 2, "waiting": 2}
        assert await asyncio.gather(*waiting[1:]) == [1, 1]
        assert pool.pool_counts() == {"used": 0, "most": 2, "waiting": 0}
    finally:
        await pool.dispose()


async def test_who_got_none_waits_no_more(tmp_path):
    nowhere = Database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(sa.exc.OperationalError):
        async with nowhere.transaction():
            pass
    assert nowhere.pool_counts()["waiting"] == 0


async def _look(pool: Database) -> int:
    async with pool.transaction() as connection:
        found: int = (await connection.execute(sa.text("SELECT 1"))).scalar_one()
        return found
