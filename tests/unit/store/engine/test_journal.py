from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.errors import StorageFullError, UnavailableError
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.tables import node_state


def _put(key: str) -> object:
    return lambda connection: connection.execute(node_state.insert().values(key=key, value=key)) and key


def _keys(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(sa.select(node_state.c.key)).scalars())


def test_run_returns_the_result_once_it_can_be_read(database: Database, journal: Journal) -> None:
    assert journal.run(_put("a")) == "a"  # type: ignore[arg-type]

    assert _keys(database) == {"a"}


def test_run_gives_a_failure_to_its_own_caller_and_keeps_the_rest_of_the_group(
    database: Database, journal: Journal
) -> None:
    gate = threading.Event()

    def fail(connection: sa.Connection) -> None:
        connection.execute(node_state.insert().values(key="half", value="written"))
        raise ValueError("refused")

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(journal.run, lambda _connection: gate.wait(5))
        others: list[Future[Any]] = [pool.submit(journal.run, work) for work in (_put("b"), fail, _put("c"))]  # type: ignore[arg-type]
        gate.set()
        assert first.result() is True
        assert [others[0].result(), others[2].result()] == ["b", "c"]
        with pytest.raises(ValueError, match="refused"):
            others[1].result()

    assert _keys(database) == {"b", "c"}


def test_run_tells_every_caller_of_the_group_when_the_commit_fails(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def writing_to_a_full_disk() -> Iterator[sa.Connection]:
        with database.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()
            raise StorageFullError("the disk is full")

    monkeypatch.setattr(database, "writing", writing_to_a_full_disk)

    with ThreadPoolExecutor(8) as pool:
        runs: list[Future[Any]] = [pool.submit(journal.run, _put(str(number))) for number in range(8)]  # type: ignore[arg-type]
        for run in runs:
            with pytest.raises(StorageFullError):
                run.result()
    assert _keys(database) == set()


def test_run_shares_commits_between_callers(database: Database, journal: Journal) -> None:
    commits: list[int] = []
    sa.event.listen(database.engine, "commit", lambda _connection: commits.append(1))
    is_blocked, gate = threading.Event(), threading.Event()

    def hold(_connection: sa.Connection) -> None:
        is_blocked.set()
        gate.wait(60)

    with ThreadPoolExecutor(33) as pool:
        pool.submit(journal.run, hold)
        is_blocked.wait(60)  # from here on nothing joins the first group
        runs: list[Future[Any]] = [pool.submit(journal.run, _put(str(number))) for number in range(32)]  # type: ignore[arg-type]
        while journal._queue.qsize() < 32:
            gate.wait(0.01)
        gate.set()
        assert len({run.result() for run in runs}) == 32

    assert len(commits) <= 3


def test_close_finishes_what_is_queued_and_then_refuses(database: Database) -> None:
    journal = Journal(database)
    with ThreadPoolExecutor(4) as pool:
        runs: list[Future[Any]] = [pool.submit(journal.run, _put(str(number))) for number in range(4)]  # type: ignore[arg-type]
        done = {run.result() for run in runs}
    journal.close()

    assert done == _keys(database)
    with pytest.raises(UnavailableError, match="shutting down"):
        journal.run(_put("late"))  # type: ignore[arg-type]


def test_journal_tells_of_each_group(database: Database) -> None:
    groups: list[tuple[int, float]] = []
    observed = Journal(database, lambda pieces, seconds: groups.append((pieces, seconds)))
    observed.run(lambda _connection: None)
    assert observed.waiting == 0
    observed.close()
    assert [pieces for pieces, _ in groups] == [1]
