"""The embedded servers, for real."""

import psycopg
import pytest
import redis


def test_roles(database_url, owner_database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT current_user, current_setting('server_version_num')::int / 10000").fetchone()
        assert row == ("payments_app", 18)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE payments.mine (id int)")
    with psycopg.connect(owner_database_url) as connection:
        connection.execute("SELECT count(*) FROM payments.payments")


def test_valkey(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        assert client.eval("return 1 + 1", 0) == 2


def test_a_fresh_database_is_gone_afterwards(databases, postgres):
    with databases.fresh() as database, psycopg.connect(database.url) as left_open:
        left_open.execute("SELECT 1")
    with postgres.connect() as connection:
        assert not connection.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).rowcount
