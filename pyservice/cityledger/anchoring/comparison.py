"""Compares one log's stored batches with what the indexed chain holds, and says what is to be done. Reads
only.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.chain.structs import SkipReason
from cityledger.store import batches, index
from cityledger.store.batches import Batch
from cityledger.store.logs import LogHead
from cityledger.types import HaltCause


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a log must stop, and the facts that show it."""

    cause: HaltCause
    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``pending`` are the batches to anchor next, in order; ``halt`` is None if the log need not stop."""

    pending: tuple[Batch, ...] = ()
    halt: Halt | None = None


def compare(connection: sa.Connection, head: LogHead) -> Comparison:
    """The next step of a log at the index's cursor."""
    chain = index.find_log(connection, head.log)
    if chain is None:
        return Comparison()  # its opening was undone by a reorg; it will be back, or the operator must look
    if chain.next_seq > head.next_seq:
        told = f"the chain holds {chain.next_seq} leaves, the store only {head.next_seq}"
        return Comparison(halt=Halt(HaltCause.CHAIN_AHEAD, told))
    if chain.next_seq > 0 and (difference := _difference(connection, head, chain.next_seq)) is not None:
        return Comparison(halt=Halt(HaltCause.OTHER_ROOT, difference))
    pending = tuple(batches.list_pending(connection, head.log, chain.next_seq))
    refused = batches.find_skip(connection, head.log, pending[0].first) if pending else None
    if refused is not None and refused != SkipReason.WRONG_FIRST:
        told = f"the chain refuses batches of this log: {SkipReason(refused).name}"
        return Comparison(halt=Halt(_REFUSED.get(SkipReason(refused), HaltCause.REFUSED_OTHER), told))
    return Comparison(pending)


_REFUSED = {
    SkipReason.NOT_OPERATOR: HaltCause.REFUSED_OPERATOR,
    SkipReason.LOG_CLOSED: HaltCause.REFUSED_CLOSED,
}


def _difference(connection: sa.Connection, head: LogHead, chain_next: int) -> str | None:
    ours = batches.find_batch_of(connection, head.log, chain_next - 1)
    theirs = None if ours is None else batches.find_anchored(connection, head.log, ours.first)
    if ours is None or theirs is None or ours.end != chain_next:
        return f"the chain's batch that ends before {chain_next} is not one of the store's"
    if (theirs.root, theirs.count) != (ours.root, ours.count):
        return f"the chain holds another root for the batch at {ours.first}"
    return None
