"""Effects of RecordLedger: logs, anchored and skipped batches, and the heads of records."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.chain.contracts.record_ledger import (
    BatchAnchored,
    HeadMoved,
    HeadReset,
    LogClosed,
    LogOpened,
    OperatorSet,
    Skipped,
)
from cityledger.errors import ChainError
from cityledger.indexer.effects.effect import Effects
from cityledger.store.anchoring.batches import is_own_transaction
from cityledger.store.index.tables import idx_batch, idx_head, idx_log, idx_skipped
from cityledger.store.index.versions import find, put, remove
from cityledger.types import LogId


def open_log(connection: sa.Connection, event: LogOpened, logged: LoggedEvent) -> None:
    put(
        connection,
        idx_log,
        logged.block_number,
        {"log": event.log},
        agency=event.agency,
        kind=int(event.kind),
        operator=event.operator,
        next_seq=0,
        closed=False,
        predecessor=event.predecessor,
    )


def close_log(connection: sa.Connection, event: LogClosed, logged: LoggedEvent) -> None:
    put(connection, idx_log, logged.block_number, {"log": event.log}, closed=True)


def set_operator(connection: sa.Connection, event: OperatorSet, logged: LoggedEvent) -> None:
    put(connection, idx_log, logged.block_number, {"log": event.log}, operator=event.operator)


def anchor_batch(connection: sa.Connection, event: BatchAnchored, logged: LoggedEvent) -> None:
    block = logged.block_number
    _verify_follows(connection, event.log, event.first, block)
    batch = {"size": event.count, "root": event.root, "tx_hash": logged.transaction}
    put(connection, idx_batch, block, {"log": event.log, "first": event.first}, **batch)
    put(connection, idx_log, block, {"log": event.log}, next_seq=event.first + event.count)


def skip_batch(connection: sa.Connection, event: Skipped, logged: LoggedEvent) -> None:
    """Keeps only skips of this node's own transactions: a stranger could fill the table with his."""
    if is_own_transaction(connection, logged.transaction):
        key = {"log": event.log, "first": event.first, "tx_hash": logged.transaction}
        values = {"next_seq": event.next, "reason": int(event.reason)}
        put(connection, idx_skipped, logged.block_number, key, **values)


def move_head(connection: sa.Connection, event: HeadMoved, logged: LoggedEvent) -> None:
    head = {"leaf_hash": event.leaf_hash, "version": event.version, "tx_hash": logged.transaction}
    key = {"dataset": event.dataset, "record": event.record}
    put(connection, idx_head, logged.block_number, key, **head)


def reset_head(connection: sa.Connection, event: HeadReset, logged: LoggedEvent) -> None:
    remove(connection, idx_head, logged.block_number, {"dataset": event.dataset, "record": event.record})


def _verify_follows(connection: sa.Connection, log: LogId, first: int, block: int) -> None:
    """The contract accepts a batch only at the log's next number: a gap means that an event is missing."""
    row = find(connection, idx_log, {"log": log})
    if row is not None and row.next_seq != first:
        raise ChainError(
            f"log {log} continues at {first} in block {block}, but is known only up to {row.next_seq}: an"
            " endpoint omitted an event; next: cityledger node rebuild"
        )


EFFECTS: Effects = {
    LogOpened: open_log,
    LogClosed: close_log,
    OperatorSet: set_operator,
    BatchAnchored: anchor_batch,
    Skipped: skip_batch,
    HeadMoved: move_head,
    HeadReset: reset_head,
}
