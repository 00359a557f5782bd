"""The threads of a node's loops, and who may do their work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from cityledger.node.loop_threads import LoopThreads
from cityledger.node.loops import IsLeader, Loop, loops_of
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import INDEXER, PURGING, Leadership

OPERATOR = "0xAbCd000000000000000000000000000000000001"
WAIT_SECONDS = 10


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/node.db"


@contextmanager
def running(url: str, *loops: Loop) -> Iterator[LoopThreads]:
    with closing(Database(url)) as database:
        threads = LoopThreads(loops, database)
        threads.start()
        try:
            yield threads
        finally:
            threads.stop()
            threads.release()


class Asking:
    """Asks once whether it leads, and ends."""

    def __init__(self) -> None:
        self.answers: list[bool] = []
        self.asked = threading.Event()

    def run(self, _stop: threading.Event, is_leader: IsLeader) -> None:
        self.answers.append(is_leader())
        self.asked.set()


def test_a_loop_with_a_leadership_does_not_lead_while_another_process_does(url: str) -> None:
    loop = Asking()
    with closing(Database(url)) as database:
        other = Leadership(database, "anchoring/0x1")
        assert other.leads()

        with running(url, Loop("anchoring", loop.run, "anchoring/0x1")):
            assert loop.asked.wait(WAIT_SECONDS)
        other.close()
        with running(url, Loop("anchoring", loop.run, "anchoring/0x1")) as threads:
            threads.stop()

    assert loop.answers == [False, True]


def test_a_loop_without_a_leadership_runs_in_every_process(url: str) -> None:
    loops = [Asking(), Asking()]
    with running(url, Loop("watch", loops[0].run)), running(url, Loop("watch", loops[1].run)):
        assert all(loop.asked.wait(WAIT_SECONDS) for loop in loops)

    assert [loop.answers for loop in loops] == [[True], [True]]


def test_release_lets_another_process_lead(url: str) -> None:
    loop = Asking()
    with running(url, Loop("sweep", loop.run, "sweep/0x1")):
        assert loop.asked.wait(WAIT_SECONDS)

    with closing(Database(url)) as database, closing(Leadership(database, "sweep/0x1")) as other:
        assert other.leads()


def test_stop_ends_every_loop_and_the_pause_of_each(url: str) -> None:
    paused = threading.Event()
    ended: list[str] = []

    def pausing(_stop: threading.Event, _is_leader: IsLeader) -> None:
        paused.wait()
        ended.append("pausing")

    def waiting(stop: threading.Event, _is_leader: IsLeader) -> None:
        stop.wait()
        ended.append("waiting")

    with running(url, Loop("pausing", pausing, wake=paused.set), Loop("waiting", waiting)) as threads:
        threads.stop()
        assert sorted(ended) == ["pausing", "waiting"]
        assert not {"pausing", "waiting"} & {thread.name for thread in threading.enumerate()}


def test_a_loop_that_fails_is_reported_by_its_thread_and_ends_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    other = Asking()

    def failing(_stop: threading.Event, _is_leader: IsLeader) -> None:
        raise RuntimeError("a defect")

    with running(url, Loop("failing", failing), Loop("other", other.run)):
        assert other.asked.wait(WAIT_SECONDS)

    (crash,) = reported
    assert (str(crash.exc_value), crash.thread and crash.thread.name) == ("a defect", "failing")


def table(**services: object) -> dict[str, Loop]:
    run = SimpleNamespace(run=None, wake=lambda: None)
    database = SimpleNamespace(is_shared=False)
    made = SimpleNamespace(
        operator=SimpleNamespace(address=OPERATOR), database=database, journal=None, **services
    )
    return {loop.name: loop for loop in loops_of(made, run, run, run, None)}  # type: ignore[arg-type]


def test_table_names_what_one_process_of_a_database_or_of_a_node_does_at_a_time() -> None:
    assert {name: loop.leadership for name, loop in table().items()} == {
        "indexer": INDEXER,
        "new-heads": None,
        "anchoring": f"anchoring/{OPERATOR.lower()}",
        "imports": f"imports/{OPERATOR.lower()}",
        "rules-watch": None,
        "cross-check": None,
        "sweep": f"sweep/{OPERATOR.lower()}",
        "tombstones": None,
        "revocations": None,
        "purging": PURGING,
    }


def test_sweep_removes_nothing_unless_this_process_leads() -> None:
    with pytest.raises(AssertionError, match="swept"):
        table(own_accounts=_fail)["sweep"].run(threading.Event(), lambda: True)
    table(own_accounts=_fail)["sweep"].run(threading.Event(), lambda: False)


def test_purging_does_nothing_unless_this_process_leads() -> None:
    stop = threading.Event()

    def is_leader() -> bool:
        stop.set()
        return False

    table()["purging"].run(stop, is_leader)  # it would fail without a database


def _fail() -> list[str]:
    raise AssertionError("swept")
