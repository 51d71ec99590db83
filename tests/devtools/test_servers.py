"""The embedded servers, for real."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from payments.devtools import processes
from payments.devtools.errors import ServerError
from payments.devtools.privileges import Account, server_account
from payments.devtools.processes import Program
from payments.devtools.servers import APP, OWNER, Postgres, Valkey


@pytest.fixture(scope="module")
def own_folder():
    """A folder that the servers' account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="payments-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(own_folder):
    """A running, durable server, as `make dev` has it; the tests of this module share its data."""
    with Postgres(own_folder / ("a path longer than a socket's name may be " * 4)) as server:
        yield server


def test_the_roles_of_the_platform(database_url, owner_database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT current_user, current_setting('server_version_num')::int / 10000").fetchone()
        assert row == ("payments_app", 18)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE payments.mine (id int)")
    with psycopg.connect(owner_database_url) as connection:
        connection.execute("SELECT count(*) FROM payments.payments")


def test_a_fresh_database_is_gone_afterwards(databases, postgres):
    with databases.fresh() as database, psycopg.connect(database.url) as left_open:
        left_open.execute("SELECT 1")
    with postgres.connect() as connection:
        assert not connection.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).rowcount


def test_commits_are_durable_and_connections_need_a_password(cluster):
    with cluster.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("on",)
    url = cluster.url(APP, "postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(":" + url.split(":")[2].split("@")[0], ":wrong"))


def test_data_and_passwords_survive_a_stop(cluster):
    cluster.create_database("kept")
    with psycopg.connect(cluster.url(OWNER, "kept")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    cluster.stop()
    again = Postgres(cluster.directory)
    with again, psycopg.connect(again.url(OWNER, "kept")) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    assert stat.S_IMODE((cluster.directory / "passwords.json").stat().st_mode) == 0o600


def test_starts_after_a_crash_that_left_a_lock_file_with_a_number_in_use(cluster):
    cluster.process.kill()
    cluster.process.wait()
    # PostgreSQL believes the lock while any process of its own account has the number.
    stranger = processes.spawn(Program("sleep", ["/bin/sleep", "60"], account=server_account()))
    try:
        lock = cluster.data / "postmaster.pid"
        lines = lock.read_text().split("\n")
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        with Postgres(cluster.directory) as again:
            again.connect().close()
        assert stranger.poll() is None
    finally:
        processes.kill(stranger)


def test_a_server_that_outlived_its_parent_is_stopped_first(cluster):
    orphan = psutil.Process(cluster.process.pid)
    successor = Postgres(cluster.directory)
    with successor:
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        successor.connect().close()


def test_a_port_that_is_taken_is_not_fought_for(cluster, own_folder):
    other = Postgres(own_folder / "other", durable=False)
    other.port = cluster.port
    with other:
        assert other.port != cluster.port


def test_a_broken_cluster_says_why(own_folder):
    broken = Postgres(own_folder / "broken", durable=False)
    with broken:
        pass
    (broken.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServerError, match="not compatible"):
        broken.start()


def test_files_of_another_user_are_left_alone(own_folder):
    theirs = own_folder / "theirs"
    theirs.mkdir()
    server = Valkey(theirs)
    server._account = Account(54321, 54321)
    with pytest.raises(ServerError, match=f"made by user {os.getuid()}"):
        server.start()
    assert theirs.stat().st_uid == os.getuid()


def test_valkey_runs_scripts_and_wants_a_password(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        assert client.eval("return 1 + 1", 0) == 2
    address = redis_url.split("@")[1]
    with redis.Redis.from_url(f"redis://{address}") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_valkey_starts_empty(own_folder):
    valkey = Valkey(own_folder / "valkey")
    for _ in range(2):
        with valkey, redis.Redis.from_url(valkey.url) as client:
            assert client.dbsize() == 0
            client.set("a", "b")
