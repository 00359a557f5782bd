"""Work that was queued while the journal closed was never answered, and the pool's own failures ended it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cityledger.errors import UnavailableError, UnknownOutcomeError
from cityledger.store.engine import commit_marks
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal


def test_run_is_answered_or_refused_while_the_journal_closes(database: Database) -> None:
    for _ in range(20):
        journal, started = Journal(database), threading.Barrier(5)

        def ask(journal: Journal = journal, started: threading.Barrier = started) -> str:
            started.wait()
            try:
                return journal.run(lambda _connection: "done")
            except UnavailableError:
                return "refused"

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(ask) for _ in range(4)]
            started.wait()
            journal.close()
            assert {one.result(timeout=10) for one in futures} <= {"done", "refused"}


def test_outcome_is_unknown_when_the_pool_has_no_connection_to_look_with(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_connection(*_arguments: object) -> bool:
        raise PoolTimeoutError

    monkeypatch.setattr(commit_marks, "SEARCH_SECONDS", 0.1)
    monkeypatch.setattr(commit_marks, "_look", no_connection)

    with pytest.raises(UnknownOutcomeError):
        commit_marks.was_written(database, b"m" * 16, 0)


def test_journal_goes_on_when_its_marks_cannot_be_removed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_connection(*_arguments: object) -> None:
        raise PoolTimeoutError

    monkeypatch.setattr(commit_marks, "forget", no_connection)
    with closing(Journal(database)) as journal:
        journal._marks.append(b"m" * 16)
        journal._forget_marks()

        assert journal.run(lambda _connection: "done") == "done"
