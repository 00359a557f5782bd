from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.anchoring import anchorer
from cityledger.anchoring.closing import close_due
from cityledger.anchoring.comparison import Comparison, compare
from cityledger.errors import ChainError, ChainUnavailableError, LogHaltedError
from cityledger.store import node_state
from cityledger.store.anchoring import batches
from cityledger.store.anchoring.logs import LogHead
from cityledger.store.tables import attempt, attempt_batch, batch, leaf, log_head
from cityledger.types import Address, BatchState, HaltCause, LogId
from support.chain.anchoring_node import Anchoring


def _verify_each_leaf_is_anchored_once(anchoring: Anchoring) -> None:
    for log in (1, 2):
        end = 0
        for first, size in anchoring.anchored(log):
            assert first == end
            end = first + size
        with anchoring.database.reading() as connection:
            written = connection.execute(sa.select(sa.func.count()).where(leaf.c.log == log)).scalar_one()
        assert end == written


def test_tick_anchors_every_log_in_one_transaction(anchoring: Anchoring) -> None:
    anchoring.write(1, 3)
    anchoring.write(2, 2)

    anchoring.step()

    assert anchoring.anchored(1) == [(0, 3)]
    assert anchoring.anchored(2) == [(0, 2)]
    assert len(anchoring.ledger.mined_at) == 1


def test_tick_closes_batches_of_at_most_the_limit(anchoring: Anchoring) -> None:
    anchoring.write(1, 9)

    for _ in range(4):
        anchoring.step()

    assert anchoring.anchored(1) == [(0, 4), (4, 4), (8, 1)]


def test_tick_keeps_the_signed_bytes_before_it_sends_them(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchoring.write(1)
    stored: list[int] = []

    def broadcast(raw: bytes) -> object:
        with anchoring.database.reading() as connection:
            rows = connection.execute(sa.select(attempt).where(attempt.c.raw == raw)).all()
        stored.append(len(rows))
        raise ChainUnavailableError("unplugged")

    monkeypatch.setattr(anchoring.ledger, "broadcast", broadcast)
    with pytest.raises(ChainUnavailableError):
        anchoring.anchorer.tick()

    assert stored == [1]


def test_tick_sends_the_same_bytes_again_while_they_are_not_mined(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.anchorer.tick()
    anchoring.write(1)

    anchoring.anchorer.tick()

    assert len(anchoring.ledger.broadcasts) == 2
    assert len(set(anchoring.ledger.broadcasts)) == 1


def test_tick_after_a_lost_answer_anchors_once(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.ledger.loses_answers = True
    with pytest.raises(ChainUnavailableError):
        anchoring.anchorer.tick()
    anchoring.ledger.loses_answers = False

    anchoring.step()
    anchoring.step()

    assert anchoring.anchored(1) == [(0, 2)]
    assert len(anchoring.ledger.mined_at) == 1


def test_tick_waits_while_its_transaction_is_mined_and_not_indexed(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.anchorer.tick()
    anchoring.ledger.mine()  # and the indexer has not seen it

    anchoring.anchorer.tick()

    assert len(set(anchoring.ledger.broadcasts)) == 1
    assert anchoring.ledger.pool == {}


def test_tick_anchors_the_other_logs_when_one_is_refused_and_halts_that_one(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.write(2)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    anchoring.ledger.rotate_operator(1, Address("0x" + "44" * 20))  # while the batch is under way

    anchoring.ledger.mine()
    anchoring.step()

    assert anchoring.anchored(2) == [(0, 1)]
    assert anchoring.anchored(1) == []
    assert anchoring.halted(1) is HaltCause.REFUSED_OPERATOR
    with pytest.raises(LogHaltedError, match="log 1 is halted"):
        anchoring.write(1)


def test_tick_halts_a_log_that_the_chain_is_ahead_of(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    with anchoring.database.writing() as connection:  # as after restoring an old backup
        for table in (attempt_batch, batch, leaf):
            connection.execute(table.delete().where(table.c.log == 1))
        connection.execute(log_head.update().where(log_head.c.log == 1).values(next_seq=0))

    anchoring.step()

    assert anchoring.halted(1) is HaltCause.CHAIN_AHEAD
    assert anchoring.halt_detail(1) == "the chain holds 2 leaves, the store only 0"


def test_tick_halts_a_log_for_which_the_chain_holds_another_root(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    with anchoring.database.writing() as connection:
        connection.execute(batch.update().values(root=bytes(32)))

    anchoring.step()

    assert anchoring.halted(1) is HaltCause.OTHER_ROOT
    assert anchoring.halt_detail(1) == "the chain holds another root for the batch at 0"


def test_state_goes_back_to_signed_when_a_reorg_drops_the_transaction(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.step()
    assert _state(anchoring) is BatchState.MINED

    _drop_blocks(anchoring, 1)
    anchoring.chain.mine()
    anchoring.catch_up()

    assert _state(anchoring) is BatchState.SIGNED
    anchoring.step()
    assert _state(anchoring) is BatchState.MINED
    assert len(set(anchoring.ledger.broadcasts)) == 1


def test_state_becomes_final_with_its_block(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.step()
    for _ in range(anchoring.chain.final_depth):
        anchoring.chain.mine()
    anchoring.catch_up()

    assert _state(anchoring) is BatchState.FINAL


@pytest.mark.parametrize("seed", range(8))
def test_every_leaf_is_anchored_once_through_random_failures(anchoring: Anchoring, seed: int) -> None:
    randomness = random.Random(seed)
    for _ in range(40):
        anchoring.write(randomness.choice((1, 2)), randomness.randint(0, 3))
        anchoring.ledger.is_reachable = randomness.random() > 0.2
        anchoring.ledger.loses_answers = randomness.random() < 0.2
        if randomness.random() < 0.2:
            _drop_blocks(anchoring, randomness.randint(1, 2))
            anchoring.chain.mine()
        if randomness.random() < 0.8:
            anchoring.catch_up()
        with contextlib.suppress(ChainUnavailableError, ChainError):
            anchoring.anchorer.tick()
        if randomness.random() < 0.6:
            anchoring.ledger.mine()
    anchoring.ledger.is_reachable, anchoring.ledger.loses_answers = True, False
    for _ in range(30):
        anchoring.step()

    assert [anchoring.halted(1), anchoring.halted(2)] == [None, None]
    _verify_each_leaf_is_anchored_once(anchoring)


def _state(anchoring: Anchoring) -> BatchState:
    with anchoring.database.reading() as connection:
        stored = batches.find_batch_of(connection, LogId(1), 0)
        assert stored is not None
        return batches.state_of(connection, stored, node_state.final_block(connection))


def _drop_blocks(anchoring: Anchoring, depth: int) -> None:
    """A reorg in which the dropped transactions are lost; the logs stay opened."""
    depth = min(depth, len(anchoring.chain.blocks) - 4)
    if depth > 0:
        anchoring.ledger.reorg(depth, keeps=False)


def test_tick_compares_each_log_once(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[LogId] = []

    def counted(connection: sa.Connection, head: LogHead, *rest: Any) -> Comparison:
        compared.append(head.log)
        return compare(connection, head, *rest)

    monkeypatch.setattr(anchorer, "compare", counted)
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()

    assert compared == [1, 2]
    assert len(anchoring.attempts()) == 1


def test_tick_compares_again_when_the_index_moved_while_batches_were_closed(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed_slowly(*arguments: Any) -> bool:
        anchoring.chain.mine()
        anchoring.catch_up()
        return close_due(*arguments)

    monkeypatch.setattr(anchorer, "close_due", closed_slowly)
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()

    assert len(anchoring.attempts()) == 1
