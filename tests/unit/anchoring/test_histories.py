"""Random histories of a node and its chain: whatever happens, each leaf is anchored exactly once.

1. Nonces have no gap, and replacements of one nonce are counted from 0.
2. What the chain holds of a log are the log's own leaves, batch after batch.
3. Once the chain lets it, everything that was written is anchored, and no log is halted.
"""

from __future__ import annotations

import contextlib
import tempfile
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.proofs.verify import batch_word
from cityledger.store.anchoring import batches
from cityledger.store.anchoring.batches import Open
from cityledger.store.index.tables import idx_batch
from cityledger.types import Address, LogId
from support.chain.anchoring_node import BUMP_AFTER_SECONDS, Anchoring, running_anchoring
from support.chain.memory_ledger import OPERATOR

LOGS = (1, 2)
STRANGER = Address("0x" + "44" * 20)
HEALING_STEPS = 60
"""Enough to anchor what a history leaves: a batch of four a turn, and some turns for bumps."""


class Histories(RuleBasedStateMachine):
    """One node, its index, its account's pool and the chain."""

    node: Anchoring

    @initialize()
    def begin(self) -> None:
        self.stack = contextlib.ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.node = self.stack.enter_context(running_anchoring(Path(folder)))
        self.written = dict.fromkeys(LOGS, 0)
        self.failures = 0
        for _ in range(4):
            self.node.chain.mine()

    @rule(log=st.sampled_from(LOGS), count=st.integers(1, 6))
    def write(self, log: int, count: int) -> None:
        self.node.write(log, count)
        self.written[log] += count

    @rule(sees=st.booleans())
    def tick(self, sees: bool) -> None:
        if sees:
            self.node.catch_up()
        with contextlib.suppress(ChainError, ChainUnavailableError):
            self.node.anchorer.tick()

    @rule(only=st.sampled_from([None, 0, 1]))
    def mine(self, only: int | None) -> None:
        self.node.ledger.mine(only)

    @rule(reachable=st.booleans(), hears=st.booleans(), loses=st.booleans())
    def change_the_network(self, reachable: bool, hears: bool, loses: bool) -> None:
        ledger = self.node.ledger
        ledger.is_reachable, ledger.hears_transactions, ledger.loses_answers = reachable, hears, loses

    @rule()
    def restart(self) -> None:
        self.node.restart()

    @rule(depth=st.integers(1, 3), keeps=st.booleans(), grown=st.integers(1, 4))
    def reorg(self, depth: int, keeps: bool, grown: int) -> None:
        if len(self.node.chain.blocks) > 8 + depth:  # the logs stay opened
            self.node.ledger.reorg(depth, keeps=keeps)
            if self.node.ledger.logs[LogId(1)].operator == STRANGER:
                self.node.ledger.rotate_operator(1, OPERATOR)
            for _ in range(grown):
                self.node.chain.mine()

    @rule(base_fee=st.sampled_from([1, 5, 50]))
    def let_the_fee_be_too_low(self, base_fee: int) -> None:
        self.node.ledger.base_fee = base_fee
        self.node.wait(BUMP_AFTER_SECONDS)

    @rule()
    def forget_the_pool(self) -> None:
        self.node.ledger.pool.clear()

    @rule()
    def skip_an_item(self) -> None:
        """Its operator is rotated away for as long as one block."""
        if sum(self.written.values()) and self.failures < 2:
            self.failures += 1
            self.node.ledger.rotate_operator(1, STRANGER)
            self.node.ledger.mine()
            self.node.ledger.rotate_operator(1, OPERATOR)

    @rule()
    def fail_a_transaction(self) -> None:
        if self.failures < 2:
            self.failures += 1
            self.node.ledger.is_failing = True
            self.node.ledger.mine(1)
            self.node.ledger.is_failing = False

    @invariant()
    def nonces_are_contiguous(self) -> None:
        signed = self.node.attempts()
        assert all(
            later in ((nonce, replacement + 1), (nonce + 1, 0))
            for (nonce, replacement), later in pairwise([(-1, 0), *signed])
        )

    @invariant()
    def the_chain_holds_the_logs_own_leaves(self) -> None:
        for log in LOGS:
            end = 0
            for first, word in self._on_chain(log):
                stored = self._find(log, first)
                assert first == end
                assert word == batch_word(stored.root, stored.count)
                end = stored.end
            assert end == self.node.ledger.logs[LogId(log)].next <= self.written[log]

    def teardown(self) -> None:
        ledger = self.node.ledger
        ledger.is_reachable, ledger.hears_transactions, ledger.loses_answers = True, True, False
        for _ in range(HEALING_STEPS):
            self.node.wait(BUMP_AFTER_SECONDS)
            self.node.step()
            if {log: ledger.logs[LogId(log)].next for log in LOGS} == self.written:
                break
        assert [self.node.halted(log) for log in LOGS] == [None, None]
        assert {log: ledger.logs[LogId(log)].next for log in LOGS} == self.written
        self._verify_roots()
        self.the_chain_holds_the_logs_own_leaves()
        self.nonces_are_contiguous()
        self.stack.close()

    def _on_chain(self, log: int) -> list[tuple[int, bytes]]:
        on_chain = self.node.ledger.state.batches.items()
        return sorted((first, word) for (number, first), word in on_chain if number == log)

    def _find(self, log: int, first: int) -> batches.Batch:
        with self.node.database.reading() as connection:
            stored = batches.find_batch_of(connection, LogId(log), first)
        assert stored is not None and stored.first == first
        return stored

    def _verify_roots(self) -> None:
        """The index says the same, and each root is that of the leaves."""
        with self.node.database.reading() as connection:
            live = sa.select(idx_batch).where(idx_batch.c.valid_to.is_(None))
            rows = connection.execute(live).all()
            for row in rows:
                assert batches.root_of(connection, Open(LogId(row.log), row.first, row.size)) == row.root
        assert len(rows) == len(self.node.ledger.state.batches)


Histories.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestHistories = Histories.TestCase
