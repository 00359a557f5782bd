"""Compares one log's stored batches with what the indexed chain holds, and says what is to be done. Reads
only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.anchoring.halts import FAILURES, Halt
from cityledger.chain.contracts.record_ledger import SkipReason
from cityledger.store import attempts, batches
from cityledger.store.batches import Batch
from cityledger.store.index import queries as index
from cityledger.store.index.queries import ChainLog
from cityledger.store.logs import LogHead
from cityledger.types import Address, HaltCause


@dataclass(frozen=True, slots=True)
class Comparison:
    """``pending`` are the batches to anchor next, in order; ``halt`` is None if the log need not stop."""

    pending: tuple[Batch, ...] = ()
    halt: Halt | None = None


def find_contradiction(
    connection: sa.Connection, head: LogHead, operator: Address, former: Collection[Address] = ()
) -> Halt | None:
    """The reason to halt a log, by what the index holds at its cursor; None if there is none. ``former`` are
    other accounts of this node: a log of theirs waits to be handed over, and need not halt.
    """
    chain = index.find_log(connection, head.log)
    if chain is None:
        return None  # its opening was undone by a reorg; it will be back, or the operator must look
    return _contradiction(connection, head, chain) or _refusal(chain, operator, former)


def compare(
    connection: sa.Connection,
    head: LogHead,
    operator: Address,
    mined: int,
    former: Collection[Address] = (),
) -> Comparison:
    """The next step of a log at the index's cursor, where ``operator`` has ``mined`` transactions."""
    chain = index.find_log(connection, head.log)
    if chain is None:
        return Comparison()
    halt = _contradiction(connection, head, chain) or _refusal(chain, operator, former)
    if halt is not None:
        return Comparison(halt=halt)
    if chain.operator != operator:
        return Comparison()
    pending = tuple(batches.list_pending(connection, head.log, chain.next_seq))
    if not pending:
        return Comparison()
    halt = _gap(connection, chain) or _failure(connection, head, pending[0], operator, mined)
    return Comparison(halt=halt) if halt is not None else Comparison(pending)


def _contradiction(connection: sa.Connection, head: LogHead, chain: ChainLog) -> Halt | None:
    if chain.next_seq > head.next_seq:
        told = f"the chain holds {chain.next_seq} leaves, the store only {head.next_seq}"
        return Halt(HaltCause.CHAIN_AHEAD, told)
    difference = _difference(connection, head, chain.next_seq) if chain.next_seq > 0 else None
    return None if difference is None else Halt(HaltCause.OTHER_ROOT, difference)


def _difference(connection: sa.Connection, head: LogHead, chain_next: int) -> str | None:
    ours = batches.find_batch_of(connection, head.log, chain_next - 1)
    theirs = None if ours is None else batches.find_anchored(connection, head.log, ours.first)
    if ours is None or theirs is None or ours.end != chain_next:
        return f"the chain's batch that ends before {chain_next} is not one of the store's"
    if (theirs.root, theirs.count) != (ours.root, ours.count):
        return f"the chain holds another root for the batch at {ours.first}"
    # Ours may stand again above another's, if both were in one transaction and the first came too late.
    displaced = batches.find_displaced(connection, head.log, chain_next)
    return None if displaced is None else f"the chain holds another batch at {displaced}"


def _refusal(chain: ChainLog, operator: Address, former: Collection[Address]) -> Halt | None:
    """Found before gas is spent on it, and before more is promised in a log that takes nothing more."""
    if chain.closed:
        return Halt(HaltCause.REFUSED_CLOSED, f"closed on chain at {chain.next_seq} leaves")
    if chain.operator != operator and chain.operator not in former:
        return Halt(HaltCause.REFUSED_OPERATOR, f"its operator on chain is {chain.operator}, not {operator}")
    return None


def _gap(connection: sa.Connection, chain: ChainLog) -> Halt | None:
    """An event that the index lacks, because an endpoint left it out: what the chain has would be signed
    again for ever.
    """
    told = attempts.highest_told(connection, chain.log)
    if told <= chain.next_seq:
        return None
    known = f"the index believes that it waits for {chain.next_seq}"
    return Halt(HaltCause.REFUSED_OTHER, f"the chain waits for number {told}, {known}")


def _failure(
    connection: sa.Connection, head: LogHead, first: Batch, operator: Address, mined: int
) -> Halt | None:
    """What speaks against sending the log's lowest batch once more."""
    skips = attempts.list_skips(connection, head.log, first.first, head.forgiven_nonce)
    refused = [SkipReason(reason) for reason in skips if reason != SkipReason.WRONG_FIRST]
    if any(reason not in _TOLD_BY_INDEX for reason in refused) or len(refused) >= FAILURES:
        told = f"the chain refuses the batch at {first.first}: {refused[-1].name}"
        return Halt(HaltCause.REFUSED_OTHER, told)
    since = range(head.forgiven_nonce, mined)
    failed = attempts.list_failed_nonces(connection, operator, head.log, first.first, since)
    if len(failed) < FAILURES:
        return None
    told = f"the batch at {first.first} was in {len(failed)} transactions that failed, nonces {failed}"
    return Halt(HaltCause.FAILING_TRANSACTION, told)


_TOLD_BY_INDEX = {SkipReason.NOT_OPERATOR, SkipReason.LOG_CLOSED}
"""Whether these still hold is in the index: an operator may be rotated away and back."""
