from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import Event
from cityledger.chain.contracts.agency_registry import (
    Admission,
    AgencyAdmitted,
    AgencyStatusChanged,
    KeysRotated,
)
from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.chain.contracts.record_ledger import HeadMoved, HeadReset
from cityledger.chain.follower import Tip
from cityledger.errors import ChainError, StaleIndexError, StorageFullError, WrongChainError
from cityledger.indexer.indexer import Indexer
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.store.index import queries as index
from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.types import (
    Address,
    AgencyId,
    AgencyStatus,
    BlockRef,
    DatasetId,
    LeafHash,
    Purpose,
    RecordId,
    purpose_from_name,
)
from support.chain.memory_chain import MemoryChain, MemoryFollower

TREATMENT = purpose_from_name("TREATMENT")


def _indexer(chain: MemoryChain, database: Database, journal: Journal, **extra: Any) -> Indexer:
    return Indexer(MemoryFollower(chain), database, journal, ChainClock(), first_block=0, **extra)  # type: ignore[arg-type]


def _catch_up(indexer: Indexer) -> None:
    while indexer.step():
        pass


def _dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as connection:
        tables = (*INDEX_TABLES, block)
        return {
            table.name: sorted(tuple(row) for row in connection.execute(sa.select(table))) for table in tables
        }


def test_step_indexes_up_to_the_head_and_reports_the_cursor(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    committed: list[BlockRef] = []
    head = chain.mine(PurposeSet(TREATMENT, is_listed=True))
    indexer = _indexer(chain, database, journal, on_commit=committed.append)

    _catch_up(indexer)

    with database.reading() as connection:
        assert index.find_cursor(connection) == head
        assert index.is_purpose_known(connection, TREATMENT)
    assert committed[-1] == head


def test_step_undoes_a_reorg_and_follows_the_other_fork(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    chain.mine(PurposeSet(TREATMENT, is_listed=True))
    _catch_up(indexer := _indexer(chain, database, journal))
    chain.reorg(1)
    chain.mine()
    head = chain.mine(PurposeSet(purpose_from_name("STATISTICS"), is_listed=True))

    _catch_up(indexer)

    with database.reading() as connection:
        assert index.find_cursor(connection) == head
        assert not index.is_purpose_known(connection, TREATMENT)
        assert index.is_purpose_known(connection, purpose_from_name("STATISTICS"))


def test_step_stops_when_a_final_block_is_gone(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    for _ in range(5):
        chain.mine()
    _catch_up(indexer := _indexer(chain, database, journal))
    before = _dump(database)
    chain.reorg(4)
    for _ in range(6):
        chain.mine()

    with pytest.raises(ChainError, match="was final"):
        _catch_up(indexer)

    assert _dump(database) == before


def test_step_writes_nothing_of_a_block_with_an_event_that_has_no_effect(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    indexer = _indexer(chain, database, journal)
    _catch_up(indexer)
    before = _dump(database)
    chain.mine(PurposeSet(TREATMENT, is_listed=True), object())  # type: ignore[arg-type]

    for _ in range(2):
        with pytest.raises(ChainError, match="no effect is known of object"):
            indexer.step()

    assert _dump(database) == before


def test_step_keeps_the_cursor_when_the_commit_fails(
    chain: MemoryChain, database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.mine(PurposeSet(TREATMENT, is_listed=True))
    indexer = _indexer(chain, database, journal)

    def refuse(_work: Callable[..., Any]) -> Any:
        raise StorageFullError("full")

    with monkeypatch.context() as patched:
        patched.setattr(journal, "run", refuse)
        with pytest.raises(StorageFullError):
            indexer.step()
    assert _dump(database)["block"] == []

    _catch_up(indexer)
    with database.reading() as connection:
        assert index.is_purpose_known(connection, TREATMENT)


def test_a_new_indexer_continues_where_the_last_one_stopped(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    chain.mine(PurposeSet(TREATMENT, is_listed=True))
    _catch_up(_indexer(chain, database, journal))
    before = _dump(database)

    _catch_up(_indexer(chain, database, journal))

    assert _dump(database) == before


def test_final_block_follows_the_chain_and_never_goes_back(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    for _ in range(4):
        chain.mine()
    _catch_up(indexer := _indexer(chain, database, journal))
    chain.reorg(1)
    chain.mine()
    _catch_up(indexer)

    with database.reading() as connection:
        assert node_state.final_block(connection) == 2


def _moved(leaf: int, previous: int, version: int, record: int = 1) -> HeadMoved:
    dataset, named = DatasetId(b"\xd1" * 32), RecordId(bytes([record]) * 32)
    return HeadMoved(dataset, named, LeafHash(bytes([leaf]) * 32), LeafHash(bytes([previous]) * 32), version)


def _heads(database: Database) -> list[index.Head | None]:
    with database.reading() as connection:
        return [
            index.find_head(connection, DatasetId(b"\xd1" * 32), RecordId(bytes([n]) * 32)) for n in (1, 2)
        ]


def test_a_head_that_moved_is_found_with_its_transaction_and_block(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    chain.mine(_moved(1, 0, 1), _moved(2, 1, 3), transactions=[b"\x01" * 32, b"\x02" * 32])
    at = chain.mine(_moved(3, 2, 4), transactions=[b"\x03" * 32])

    _catch_up(_indexer(chain, database, journal))

    assert _heads(database) == [index.Head(LeafHash(b"\x03" * 32), 4, b"\x03" * 32, at.number), None]


def test_a_head_that_was_reset_is_gone_until_a_lower_version_is_the_head(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    dataset, named = DatasetId(b"\xd1" * 32), RecordId(b"\x01" * 32)
    chain.mine(_moved(1, 0, 2**32 - 1), transactions=[b"\x01" * 32])
    chain.mine(HeadReset(dataset, named, LeafHash(b"\x01" * 32), 2**32 - 1))
    _catch_up(indexer := _indexer(chain, database, journal))
    assert _heads(database) == [None, None]

    at = chain.mine(_moved(2, 0, 3), transactions=[b"\x02" * 32])
    _catch_up(indexer)
    assert _heads(database) == [index.Head(LeafHash(b"\x02" * 32), 3, b"\x02" * 32, at.number), None]


def test_a_reorg_brings_the_head_before_back(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    at = chain.mine(_moved(1, 0, 1), transactions=[b"\x01" * 32])
    chain.mine(_moved(2, 1, 2), _moved(9, 0, 1, record=2))
    _catch_up(indexer := _indexer(chain, database, journal))
    chain.reorg(1)
    chain.mine()
    chain.mine()

    _catch_up(indexer)

    assert _heads(database) == [index.Head(LeafHash(b"\x01" * 32), 1, b"\x01" * 32, at.number), None]


def _random_event(agency: int, turn: int) -> Event:
    events: list[Event] = [
        AgencyStatusChanged(AgencyId(agency), AgencyStatus(1 + turn % 3), turn),
        KeysRotated(AgencyId(agency), bytes([turn]) * 32, bytes([agency]) * 32),
        PurposeSet(Purpose(bytes([agency]).ljust(32, b"\0")), is_listed=turn % 2 == 0),
        _moved(turn, 0, turn, record=agency),
    ]
    return events[turn % 4]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(
        st.one_of(st.tuples(st.integers(1, 3), st.integers(0, 9)), st.integers(1, 2)), min_size=1, max_size=20
    )
)
def test_index_after_reorgs_equals_the_index_of_the_final_fork(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int] | int]
) -> None:
    chain = MemoryChain(final_depth=50)
    chain.mine(*(_admitted(number) for number in (1, 2, 3)))
    folder = tmp_path_factory.mktemp("reorgs")
    followed, fresh = (Database(f"sqlite:///{folder / name}.db") for name in ("followed", "fresh"))
    journals = []
    for database in (followed, fresh):
        migrate(database)
        journals.append(Journal(database))
    indexer = _indexer(chain, followed, journals[0])

    for turn in turns:
        if isinstance(turn, int):
            chain.reorg(min(turn, len(chain.blocks) - 1))
            chain.mine()
        else:
            chain.mine(_random_event(*turn))
        _catch_up(indexer)
    _catch_up(_indexer(chain, fresh, journals[1]))

    assert _dump(followed) == _dump(fresh)
    for database, journal in zip((followed, fresh), journals, strict=True):
        journal.close()
        database.close()


def _admitted(number: int) -> AgencyAdmitted:
    address = Address("0x" + "22" * 20)
    return AgencyAdmitted(
        AgencyId(number), Admission(f"agency-{number}", "A", "甲", "", address, bytes(32), bytes(32))
    )


def _halted(database: Database) -> str | None:
    with database.reading() as connection:
        return node_state.find_value(connection, node_state.INDEX_HALTED)


def test_a_reorg_beyond_the_limit_stops_the_index_permanently(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    chain.final_depth = 50
    for _ in range(9):
        chain.mine()
    _catch_up(indexer := _indexer(chain, database, journal, reorg_limit_blocks=3))
    before = _dump(database)
    chain.reorg(4)
    for _ in range(6):
        chain.mine()

    with pytest.raises(ChainError, match=r"more than 3 blocks \(reorg_limit_blocks\)"):
        _catch_up(indexer)

    assert _dump(database) == before
    assert _halted(database) == "a reorg of more than 3 blocks (reorg_limit_blocks)"
    with pytest.raises(ChainError, match="node rebuild"):
        _indexer(chain, database, journal).step()
    with pytest.raises(ChainError, match="node rebuild"):
        _indexer(chain, database, journal).follow_store()


def test_reads_stop_at_once_when_the_index_is_stopped(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    clock = ChainClock(wall=lambda: 1_001.0, monotonic=lambda: 0.0)
    follower = MemoryFollower(chain)
    indexer = Indexer(follower, database, journal, clock, first_block=0)  # type: ignore[arg-type]
    chain.mine()
    _catch_up(indexer)
    clock.verify_fresh(15)
    with database.writing() as connection:
        node_state.put_value(connection, node_state.INDEX_HALTED, "for a test")

    with pytest.raises(ChainError):
        indexer.step()

    with pytest.raises(StaleIndexError, match="for a test"):
        clock.verify_fresh(15)


def test_an_endpoint_of_another_chain_id_does_not_stop_the_index_permanently(
    chain: MemoryChain, database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        chain.mine()
    _catch_up(indexer := _indexer(chain, database, journal))
    chain.reorg(5)
    for _ in range(7):
        chain.mine()

    def refuse() -> None:
        raise WrongChainError("serves another chain")

    monkeypatch.setattr(indexer._follower, "verify_chain", refuse)
    with pytest.raises(WrongChainError):
        indexer.step()

    assert _halted(database) is None


def test_blocks_far_below_final_are_kept_only_if_they_hold_events(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    at = chain.mine(PurposeSet(TREATMENT, is_listed=True))
    indexer = _indexer(chain, database, journal, reorg_limit_blocks=3)
    for _ in range(20):
        chain.mine()
        _catch_up(indexer)
    stepwise = _dump(database)["block"]

    head, final = chain.head().number, chain.finalized().number
    assert [row[0] for row in stepwise] == [at.number, *range(final - 3, head + 1)]


def test_an_index_that_lags_reads_the_cursor_of_the_process_that_leads(
    chain: MemoryChain, database: Database, journal: Journal
) -> None:
    head = chain.mine()
    _catch_up(_indexer(chain, database, journal))
    clock = ChainClock()
    other = Indexer(MemoryFollower(chain), database, journal, clock, first_block=0)  # type: ignore[arg-type]

    assert other.follow_store() is False

    assert clock.head == head


def test_the_second_of_two_processes_writes_nothing(
    chain: MemoryChain, database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.mine(PurposeSet(TREATMENT, is_listed=True))
    first, second = (_indexer(chain, database, journal) for _ in range(2))
    run = journal.run

    def run_after_the_other(work: Callable[..., Any]) -> Any:
        monkeypatch.setattr(journal, "run", run)
        _catch_up(first)
        return run(work)

    monkeypatch.setattr(journal, "run", run_after_the_other)
    assert second.step() is False

    assert len(_dump(database)["idx_purpose"]) == 1
    assert _dump(database)["block"][-1][0] == chain.head().number


def test_what_is_final_above_the_cursor_is_final_up_to_the_cursor(
    chain: MemoryChain, database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = _indexer(chain, database, journal)
    monkeypatch.setattr(indexer._follower, "tip", lambda _acted_on: Tip(chain.head(), 10**9))
    _catch_up(indexer)

    with database.reading() as connection:
        assert node_state.final_block(connection) == chain.head().number
