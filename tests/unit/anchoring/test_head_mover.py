from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from cityledger.anchoring import head_mover
from cityledger.anchoring.head_mover import ChainHeadMover
from cityledger.chain.contracts.record_ledger import Inclusion
from cityledger.errors import ChainUnavailableError, RevertedError
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.store.index import queries as index
from cityledger.store.tables import attempt, attempt_batch
from cityledger.types import DatasetId, LeafHash, LogId, RecordId
from support.chain.anchoring_node import Anchoring

DATASET, RECORD = DatasetId(b"\xd1" * 32), RecordId(b"\x0a" * 32)
ANYWHERE = Inclusion(0, 1, bytes(32), ())


def leaf(version: int = 1) -> RecordLeaf:
    parts = (PartLeaf("title", b"\1" * 32, b"\2" * 32),)
    return RecordLeaf(bytes(32), LogId(1), version, DATASET, RECORD, version, (), bytes(32), parts)


def hash_of(version: int) -> LeafHash:
    return leaf_hash(leaf(version).struct_hash())


def mover_of(anchoring: Anchoring) -> ChainHeadMover:
    """One whose wait for the index lets the indexer step."""
    return ChainHeadMover(
        anchoring.anchorer.account,
        anchoring.ledger,  # type: ignore[arg-type]
        anchoring.ledger,  # type: ignore[arg-type]
        lambda: cursor(anchoring),
        sleep=lambda _seconds: anchoring.catch_up(),
    )


def cursor(anchoring: Anchoring) -> int:
    with anchoring.database.reading() as connection:
        found = index.find_cursor(connection)
    return -1 if found is None else found.number


def head(anchoring: Anchoring) -> LeafHash | None:
    with anchoring.database.reading() as connection:
        found = index.find_head(connection, DATASET, RECORD)
    return None if found is None else found.leaf_hash


def attempts(anchoring: Anchoring) -> list[tuple[int, int]]:
    """(nonce, batches carried) of every attempt."""
    count = sa.select(sa.func.count()).where(attempt_batch.c.attempt == attempt.c.id).scalar_subquery()
    query = sa.select(attempt.c.nonce, count).order_by(attempt.c.id)
    with anchoring.database.reading() as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]


@contextmanager
def moving(mover: ChainHeadMover, *moves: tuple[RecordLeaf, LeafHash | None]) -> Iterator[Callable[[], None]]:
    """The moves in a thread; the value waits for its end and raises what it raised."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for one, expected in moves:
                mover.move(one, ANYWHERE, expected)
        except BaseException as error:
            failures.append(error)

    def end() -> None:
        thread.join(10)
        assert not thread.is_alive()
        if failures:
            raise failures[0]

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield end
    finally:
        thread.join(10)


def test_move_answers_once_the_index_holds_the_head(anchoring: Anchoring) -> None:
    receipt = mover_of(anchoring).move(leaf(), ANYWHERE, None)
    assert head(anchoring) == hash_of(1)
    with anchoring.database.reading() as connection:
        found = index.find_head(connection, DATASET, RECORD)
    assert found is not None
    assert (found.transaction, found.block) == (receipt.transaction, receipt.block_number)


def test_move_is_durable_before_it_is_sent_and_is_sent_again(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(anchoring.ledger, "hears_transactions", False)
        with pytest.raises(ChainUnavailableError):
            mover_of(anchoring).move(leaf(), ANYWHERE, None)
    assert attempts(anchoring) == [(0, 0)]

    anchoring.step()

    assert head(anchoring) == hash_of(1), "the anchoring loop sends what is stored"


def test_move_and_anchoring_share_the_nonces(anchoring: Anchoring) -> None:
    mover = mover_of(anchoring)
    anchoring.write(1)
    anchoring.step()
    mover.move(leaf(), ANYWHERE, None)
    anchoring.write(1)
    anchoring.step()
    mover.move(leaf(2), ANYWHERE, hash_of(1))
    assert attempts(anchoring) == [(0, 1), (1, 0), (2, 1), (3, 0)]
    assert anchoring.anchored(1) == [(0, 1), (1, 1)]
    assert head(anchoring) == hash_of(2)


def test_move_waits_for_a_batch_that_is_under_way(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    with moving(mover_of(anchoring), (leaf(), None)) as end:
        await_waiting(anchoring)
        assert attempts(anchoring) == [(0, 1)]
        anchoring.ledger.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()
        end()
    assert attempts(anchoring) == [(0, 1), (1, 0)]


def await_waiting(anchoring: Anchoring) -> None:
    """Returns when a thread waits for the account: the lock is free only then."""
    account = anchoring.anchorer.account
    with account.turn:
        assert account.turn.wait_for(lambda: account.waiting > 0, 10)


def test_anchoring_leaves_every_other_turn_to_a_waiting_thread(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    anchoring.write(1)
    with moving(mover_of(anchoring), (leaf(), None)) as end:
        await_waiting(anchoring)
        anchoring.ledger.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()  # free, and a batch is due: the move goes first
        end()
    anchoring.step()
    assert attempts(anchoring) == [(0, 1), (1, 0), (2, 1)]


def test_yields_turn_only_every_other_time(anchoring: Anchoring) -> None:
    account = anchoring.anchorer.account
    assert not account.yields_turn(), "no thread waits"
    with moving_never(anchoring):
        await_waiting(anchoring)
        assert [account.yields_turn() for _ in range(4)] == [True, False, True, False]
    assert not account.yields_turn()


@contextmanager
def moving_never(anchoring: Anchoring) -> Iterator[None]:
    done = threading.Event()
    account = anchoring.anchorer.account
    thread = threading.Thread(target=account.await_turn, args=(done.is_set, 10))
    thread.start()
    yield
    done.set()
    with account.turn:
        account.turn.notify_all()
    thread.join(10)
    assert not thread.is_alive()


def test_move_gives_up_when_the_account_stays_taken(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    monkeypatch.setattr(head_mover, "TURN_WAIT_SECONDS", 0.01)
    with pytest.raises(ChainUnavailableError, match="not mined"):
        mover_of(anchoring).move(leaf(), ANYWHERE, None)
    assert attempts(anchoring) == [(0, 1)]


def test_move_that_lost_the_race_in_the_block_is_reported(anchoring: Anchoring) -> None:
    mover = mover_of(anchoring)
    mover.move(leaf(), ANYWHERE, None)
    with pytest.raises(RevertedError, match="HeadMoved"):
        mover.move(leaf(2), ANYWHERE, None)
    assert head(anchoring) == hash_of(1)
    anchoring.write(1)
    anchoring.step()
    assert anchoring.anchored(1) == [(0, 1)], "anchoring continues with the next nonce"


def test_move_that_would_revert_uses_no_nonce(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RevertedError("RecordLedgerHeadMoved", {})

    monkeypatch.setattr(anchoring.ledger, "gas", refuse)
    with pytest.raises(RevertedError):
        mover_of(anchoring).move(leaf(), ANYWHERE, None)
    assert attempts(anchoring) == []


def test_move_that_is_refused_awaits_the_index(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the caller can look up which other version is the head."""

    def refuse(*_: object) -> None:
        anchoring.chain.mine()
        raise RevertedError("RecordLedgerHeadMoved", {})

    anchoring.catch_up()
    monkeypatch.setattr(anchoring.ledger, "gas", refuse)
    with pytest.raises(RevertedError):
        mover_of(anchoring).move(leaf(), ANYWHERE, None)
    assert cursor(anchoring) == anchoring.chain.head().number


def test_move_sent_again_after_a_reorg_finds_its_own_head(anchoring: Anchoring) -> None:
    mover = mover_of(anchoring)
    mover.move(leaf(), ANYWHERE, None)
    anchoring.ledger.reorg(1, keeps=True)
    anchoring.chain.mine()
    anchoring.catch_up()
    assert head(anchoring) is None
    with moving(mover, (leaf(), None)) as end:
        await_waiting(anchoring)
        anchoring.anchorer.tick()
        anchoring.ledger.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()
        with pytest.raises(RevertedError, match="HeadMoved"):
            end()
    assert head(anchoring) == hash_of(1)
