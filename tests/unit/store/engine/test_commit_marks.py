"""A real PostgreSQL server that goes away under a journal, and journals that write against each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.errors import UnavailableError
from cityledger.store.engine import commit_marks
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.tables import commit_mark, node_state
from support.store.databases import cluster, database_kind

pytestmark = pytest.mark.skipif(database_kind() != "postgresql", reason="SQLite commits in this process")


def _put(key: str) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.execute(node_state.insert().values(key=key, value=key))


def _keys(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(sa.select(node_state.c.key)).scalars())


@pytest.fixture
def restart() -> Iterator[Callable[[], None]]:
    """Kills the server and has it started again, which takes longer than a call."""
    starting: list[threading.Thread] = []

    def kill() -> None:
        cluster().kill()
        starting.append(threading.Thread(target=cluster().start))
        starting[-1].start()

    yield kill
    for one in starting:
        one.join()


def _end_sessions(database: Database) -> None:
    name = database.engine.url.database
    cluster().run(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    )


def _before_commit(database: Database, act: Callable[[], None]) -> None:
    """``act`` once, when a commit has been asked for and was not sent."""
    commit = database.engine.dialect.do_commit
    done: list[bool] = []

    def wrapped(connection: object) -> None:
        if not done:
            done.append(True)
            act()
        commit(connection)  # type: ignore[arg-type]

    database.engine.dialect.do_commit = wrapped  # type: ignore[method-assign,assignment]


def _after_commit(database: Database, act: Callable[[], None]) -> None:
    """``act`` once, when a commit is done; its answer is then lost."""
    commit = database.engine.dialect.do_commit
    done: list[bool] = []

    def wrapped(connection: object) -> None:
        commit(connection)  # type: ignore[arg-type]
        if not done:
            done.append(True)
            act()
            connection.execute("SELECT 1")  # type: ignore[attr-defined]

    database.engine.dialect.do_commit = wrapped  # type: ignore[method-assign,assignment]


def test_run_writes_nothing_when_the_session_ends_before_the_commit(
    database: Database, journal: Journal
) -> None:
    def work(connection: sa.Connection) -> None:
        _put("a")(connection)
        _end_sessions(database)
        _put("b")(connection)

    with pytest.raises(UnavailableError):
        journal.run(work)

    assert _keys(database) == set()
    journal.run(_put("later"))
    assert _keys(database) == {"later"}


def test_run_writes_nothing_when_the_session_ends_at_the_commit(database: Database, journal: Journal) -> None:
    _before_commit(database, lambda: _end_sessions(database))

    with pytest.raises(UnavailableError, match="before it wrote"):
        journal.run(_put("a"))

    assert _keys(database) == set()


def test_run_answers_what_was_written_though_its_answer_was_lost(
    database: Database, journal: Journal
) -> None:
    _after_commit(database, lambda: _end_sessions(database))

    journal.run(_put("a"))

    assert _keys(database) == {"a"}


def test_run_outlives_a_server_that_is_killed_at_the_commit(
    database: Database, journal: Journal, restart: Callable[[], None]
) -> None:
    _before_commit(database, restart)

    with pytest.raises(UnavailableError, match="before it wrote"):
        journal.run(_put("a"))

    assert _keys(database) == set()


def test_run_outlives_a_server_that_is_killed_after_the_commit(
    database: Database, journal: Journal, restart: Callable[[], None]
) -> None:
    _after_commit(database, restart)

    journal.run(_put("a"))

    assert _keys(database) == {"a"}


def test_a_fence_keeps_a_late_commit_from_being_done(database: Database) -> None:
    mark = commit_marks.new_mark()

    assert not commit_marks.was_written(database, mark, 0)
    assert not commit_marks.was_written(database, mark, 0)  # its own fence is not a commit
    with pytest.raises(IntegrityError), database.writing() as connection:
        commit_marks.put(connection, mark, 0)


def test_marks_do_not_pile_up(database: Database) -> None:
    with closing(Journal(database)) as journal:
        for number in range(300):
            journal.run(_put(str(number)))
        with database.reading() as connection:
            stored = connection.execute(sa.select(sa.func.count()).select_from(commit_mark)).scalar_one()
    with database.reading() as connection:
        left = connection.execute(sa.select(sa.func.count()).select_from(commit_mark)).scalar_one()

    assert (0 < stored < 300, left) == (True, 0)


@pytest.mark.parametrize("takes_turns", [True, False])
def test_journals_that_count_on_each_other_lose_no_count(database: Database, takes_turns: bool) -> None:
    """Each reads the number and writes the next: without serialisable transactions counts would be lost."""
    url = database.engine.url.render_as_string(hide_password=False)
    database_of = [Database(url, takes_turns=takes_turns) for _ in range(3)]
    with database.writing() as connection:
        connection.execute(node_state.insert().values(key="n", value="0"))

    def count(connection: sa.Connection) -> int:
        stored = int(connection.execute(sa.select(node_state.c.value)).scalar_one())
        connection.execute(node_state.update().values(value=str(stored + 1)))
        return stored + 1

    with ExitStack() as stack:
        for one in database_of:
            stack.callback(one.close)
        journals = [stack.enter_context(closing(Journal(one))) for one in database_of]
        with ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(journals[number % 3].run, count) for number in range(60)]
            given = sorted(run.result() for run in runs)

    assert given == list(range(1, 61))
