from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cityledger.errors import ConfigurationError, UnavailableError
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import INDEXER, LOOK_SECONDS, Leadership, hold_database, sole_user
from support.store.databases import cluster, database_kind

LEADER = """
import sys, time
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import Leadership
lead = Leadership(Database(sys.argv[1]), "anchoring")
print(lead.leads(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database, as another process opens it."""
    with closing(Database(url_of(database))) as opened:
        yield opened


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_one_process_leads_until_it_lets_go(database: Database, other: Database) -> None:
    passed = [0.0]
    first = Leadership(database, "anchoring", lambda: passed[0])
    second = Leadership(other, "anchoring", lambda: passed[0])

    assert (first.leads(), second.leads()) == (True, False)
    first.close()
    passed[0] += LOOK_SECONDS
    assert second.leads()
    second.close()


def test_names_are_led_apart(database: Database, other: Database) -> None:
    first, second = Leadership(database, "anchoring"), Leadership(other, "imports")

    assert first.leads()
    assert second.leads()
    first.close()
    second.close()


def test_a_killed_leader_is_followed(database: Database) -> None:
    passed = [0.0]
    follower = Leadership(database, "anchoring", lambda: passed[0])
    command = [sys.executable, "-c", LEADER, url_of(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline().strip() == b"True"
        assert not follower.leads()
        leader.kill()
        leader.wait()

    while not follower.leads():  # the server notices the end of a session a little later
        passed[0] += LOOK_SECONDS
    follower.close()


@pytest.mark.skipif(database_kind() != "postgresql", reason="a session can only be lost where there is one")
def test_a_leader_whose_session_was_ended_does_not_lead(database: Database, other: Database) -> None:
    passed = [0.0]
    first = Leadership(database, "anchoring", lambda: passed[0])
    second = Leadership(other, "anchoring", lambda: passed[0])
    assert first.leads()

    session_of = "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    name = database.engine.url.database
    cluster().run(
        f"SELECT pg_terminate_backend(held.pid, 5000) FROM ({session_of}"  # noqa: S608
        f" WHERE l.locktype = 'advisory' AND d.datname = '{name}') AS held"
    )
    assert second.leads()
    passed[0] += LOOK_SECONDS
    assert not first.leads()
    second.close()
    passed[0] += LOOK_SECONDS
    assert first.leads()
    first.close()


def test_sqlite_is_served_by_one_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'node.db'}"
    with closing(Database(url)) as first, closing(Database(url)) as second:
        lock = hold_database(first)

        with pytest.raises(ConfigurationError, match="another process already serves this SQLite database"):
            hold_database(second)
        lock.release()
        hold_database(second).release()


@pytest.mark.skipif(database_kind() != "postgresql", reason="SQLite is served by one process")
def test_postgresql_is_served_by_many_processes(database: Database, other: Database) -> None:
    first, second = hold_database(database), hold_database(other)
    assert first.is_held() and second.is_held()
    first.release()
    second.release()


def test_sole_user_is_refused_while_the_database_is_served(database: Database, other: Database) -> None:
    lock = hold_database(other)
    with pytest.raises(ConfigurationError, match="another process serves this database"), sole_user(database):
        pass
    lock.release()
    with sole_user(database):
        pass


def test_sole_user_is_refused_while_another_process_leads(database: Database, other: Database) -> None:
    """A process that serves takes its lead again when PostgreSQL was started again, its other lock not."""
    lead = Leadership(other, INDEXER)
    assert lead.leads()
    with pytest.raises(ConfigurationError, match="another process serves this database"), sole_user(database):
        pass
    lead.close()
    with sole_user(database):
        pass


def test_nobody_serves_while_there_is_a_sole_user(database: Database, other: Database) -> None:
    with sole_user(database):
        with pytest.raises(ConfigurationError, match=r"serves this SQLite|restores, rebuilds or migrates"):
            hold_database(other)
        with pytest.raises(ConfigurationError, match="another process serves"), sole_user(other):
            pass
    hold_database(other).release()


def test_sole_user_tells_a_database_that_does_not_answer() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    with closing(Database(url)) as gone, pytest.raises(UnavailableError), sole_user(gone):
        pass
