"""The one connection of a function, borrowed for what is not the write path."""

import sqlalchemy as sa

from payments.credentials import connection_info
from payments.database import Database
from payments.payments.write_path import write_pool


async def test_the_workers_tasks_read_by_index_on_lambda_too(database_url):
    pool = write_pool(connection_info(database_url), shared=True)
    await pool.open()
    try:
        async with Database.sharing(pool).transaction() as connection:
            assert await connection.scalar(sa.text("SHOW enable_seqscan")) == "off"
    finally:
        await pool.close()
