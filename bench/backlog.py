"""A backlog of accepted leaves, anchored at one batch size: how fast, for how much gas, and how soon final.

The backlog is one sealed record under many ids, numbered and stored by the node's own append, and nothing is
anchored until all of it is there. Then the anchoring loop starts, and the clock with it.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from one_agency import STATE, Bench, opened

from cityledger.errors import UnavailableError
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.submit import RowDraft, records_log, seal_rows
from cityledger.node.loops import POLL_SECONDS
from cityledger.store import node_state
from cityledger.store.index import queries as index
from cityledger.store.index.tables import idx_batch
from cityledger.store.records import writes
from cityledger.store.records.versions import SealedRecord
from cityledger.types import LogId, RecordId

GROUP = 1_024
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Anchored:
    """One backlog. Seconds count from the start of the anchoring loop: until the last batch was mined, and
    until it was final.
    """

    size: int
    records: int
    batches: int
    transactions: int
    mined_seconds: float
    final_seconds: float
    gas: int

    @property
    def per_second(self) -> float:
        return self.records / self.mined_seconds

    @property
    def gas_per_record(self) -> float:
        return self.gas / self.records


@contextmanager
def backlogged(size: int, records: int) -> Iterator[tuple[Bench, Callable[[], Anchored]]]:
    """A city of its own with the backlog in it, and what anchors it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder), batch_max_leaves=size, batch_max_age_seconds=0.0) as bench,
        _following(bench),
    ):
        log = _accept(bench, records)
        yield bench, lambda: _anchor(bench, log, size, records)


@contextmanager
def _following(bench: Bench) -> Iterator[None]:
    stop = threading.Event()
    following = threading.Thread(target=lambda: bench.node.indexer.run(stop, POLL_SECONDS))
    following.start()
    try:
        yield
    finally:
        stop.set()
        following.join()
        bench.node.close()


def _accept(bench: Bench, records: int) -> LogId:
    """Numbers and stores them, in groups as large as an import's."""
    services = bench.node.services
    _wait(lambda: _is_followed(bench))
    with services.database.reading() as connection:
        dataset = index.find_dataset(connection, bench.dataset)
        assert dataset is not None
        log = records_log(connection, dataset)
    draft = RowDraft(RecordId(bytes(32)), 1, Content((), {"state": STATE}))
    model = seal_rows(services, dataset, [draft])[0]
    for first in range(0, records, GROUP):
        rows = [_copy(model) for _ in range(min(GROUP, records - first))]
        now = services.clock.at()
        append = partial(writes.append_versions, instance=services.instance, log=log, sealed=rows, now=now)
        services.journal.run(append)
    return log


def _is_followed(bench: Bench) -> bool:
    """Whether the dataset is indexed and its log adopted, which an empty tick does."""
    services = bench.node.services
    try:
        bench.node.anchorer.tick()
        with services.database.reading() as connection:
            dataset = index.find_dataset(connection, bench.dataset)
            return dataset is not None and records_log(connection, dataset) is not None
    except UnavailableError:
        return False


def _copy(model: SealedRecord) -> SealedRecord:
    return replace(model, record=RecordId(os.urandom(32)))


def _anchor(bench: Bench, log: LogId, size: int, records: int) -> Anchored:
    stop, started = threading.Event(), time.perf_counter()
    anchoring = threading.Thread(target=lambda: bench.node.anchorer.run(stop, 1.0))
    anchoring.start()
    try:
        _wait(lambda: _indexed(bench, log)[0] >= records)
        mined = time.perf_counter() - started
        _, block, batches, transactions = _indexed(bench, log)
        _wait(lambda: _final(bench) >= block)
        final = time.perf_counter() - started
    finally:
        stop.set()
        anchoring.join()
    receipts = [bench.node.sender.receipt(one) for one in transactions]
    gas = sum(receipt.gas_used for receipt in receipts if receipt is not None)
    return Anchored(size, records, batches, len(transactions), mined, final, gas)


def _indexed(bench: Bench, log: LogId) -> tuple[int, int, int, set[bytes]]:
    """Of the indexed chain: leaves, the last batch's block, batches, and their transactions."""
    columns = (idx_batch.c.size, idx_batch.c.valid_from, idx_batch.c.tx_hash)
    query = sa.select(*columns).where((idx_batch.c.log == log) & idx_batch.c.valid_to.is_(None))
    with bench.node.services.database.reading() as connection:
        rows = connection.execute(query).all()
    return (
        sum(row[0] for row in rows),
        max((row[1] for row in rows), default=0),
        len(rows),
        {row[2] for row in rows},
    )


def _final(bench: Bench) -> int:
    with bench.node.services.database.reading() as connection:
        return node_state.final_block(connection)


def _wait(is_there: Callable[[], bool]) -> None:
    while not is_there():
        time.sleep(LOOK_SECONDS)  # the index is the event; this only asks it
