"""Compares one log's stored batches with the indexed chain, and decides what follows. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.anchoring.halts import FAILURES, Halt
from cityledger.chain.contracts.record_ledger import SkipReason
from cityledger.store.anchoring import attempts, batches
from cityledger.store.anchoring.batches import Batch
from cityledger.store.anchoring.logs import LogHead
from cityledger.store.index import queries as index
from cityledger.store.index.queries import ChainLog
from cityledger.types import Address, HaltCause


@dataclass(frozen=True, slots=True)
class Comparison:
    """A log in the database and on chain, at the index's cursor."""

    head: LogHead
    chain: ChainLog | None
    """None where a reorg undid its opening: it will be opened again, or the operator must examine it."""
    halt: Halt | None
    """The reason to halt the log; None if there is none."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """``pending`` are the batches to anchor next, in order; ``halt`` is None if the log need not stop."""

    pending: tuple[Batch, ...] = ()
    halt: Halt | None = None


def compare(
    connection: sa.Connection, head: LogHead, operator: Address, former: Collection[Address] = ()
) -> Comparison:
    """Whether the chain contradicts or refuses the log. ``former`` are other accounts of this node: a log of
    theirs waits to be handed over, and need not halt.
    """
    chain = index.find_log(connection, head.log)
    if chain is None:
        return Comparison(head, None, None)
    halt = _contradiction(connection, head, chain) or _refusal(chain, operator, former)
    return Comparison(head, chain, halt)


def next_step(connection: sa.Connection, compared: Comparison, operator: Address, mined: int) -> NextStep:
    """The next step of a log, where ``operator`` has ``mined`` transactions at the comparison's cursor."""
    head, chain = compared.head, compared.chain
    if compared.halt is not None or chain is None or chain.operator != operator:
        return NextStep(halt=compared.halt)
    pending = tuple(batches.list_pending(connection, head.log, chain.next_seq))
    if not pending:
        return NextStep()
    halt = _gap(connection, chain) or _failure(connection, head, pending[0], operator, mined)
    return NextStep(halt=halt) if halt is not None else NextStep(pending)


def _contradiction(connection: sa.Connection, head: LogHead, chain: ChainLog) -> Halt | None:
    if chain.next_seq > head.next_seq:
        detail = f"the chain holds {chain.next_seq} leaves, the store only {head.next_seq}"
        return Halt(HaltCause.CHAIN_AHEAD, detail)
    difference = _difference(connection, head, chain.next_seq) if chain.next_seq > 0 else None
    return None if difference is None else Halt(HaltCause.OTHER_ROOT, difference)


def _difference(connection: sa.Connection, head: LogHead, chain_next: int) -> str | None:
    ours = batches.find_batch_of(connection, head.log, chain_next - 1)
    theirs = None if ours is None else batches.find_anchored(connection, head.log, ours.first)
    if ours is None or theirs is None or ours.end != chain_next:
        return f"the chain's batch that ends before {chain_next} is not one of the store's"
    if (theirs.root, theirs.count) != (ours.root, ours.count):
        return f"the chain holds another root for the batch at {ours.first}"
    # Ours may follow another's, if both were in one transaction and the first came too late.
    displaced = batches.find_displaced(connection, head.log, chain_next)
    return None if displaced is None else f"the chain holds another batch at {displaced}"


def _refusal(chain: ChainLog, operator: Address, former: Collection[Address]) -> Halt | None:
    """Found before gas is spent on it, and before more is promised in a log that accepts no more."""
    if chain.closed:
        return Halt(HaltCause.REFUSED_CLOSED, f"closed on chain at {chain.next_seq} leaves")
    if chain.operator != operator and chain.operator not in former:
        return Halt(HaltCause.REFUSED_OPERATOR, f"its operator on chain is {chain.operator}, not {operator}")
    return None


def _gap(connection: sa.Connection, chain: ChainLog) -> Halt | None:
    """An event that the index lacks, because an endpoint omitted it: what the chain has would be signed again
    and again.
    """
    awaited = attempts.highest_expected(connection, chain.log)
    if awaited <= chain.next_seq:
        return None
    detail = f"the chain waits for number {awaited}, the index believes that it waits for {chain.next_seq}"
    return Halt(HaltCause.REFUSED_OTHER, detail)


def _failure(
    connection: sa.Connection, head: LogHead, first: Batch, operator: Address, mined: int
) -> Halt | None:
    """The reason not to send the log's lowest batch once more."""
    skips = attempts.list_skips(connection, head.log, first.first, head.failures_from_nonce)
    refused = [SkipReason(reason) for reason in skips if reason != SkipReason.WRONG_FIRST]
    if any(reason not in _SEEN_IN_INDEX for reason in refused) or len(refused) >= FAILURES:
        detail = f"the chain refuses the batch at {first.first}: {refused[-1].name}"
        return Halt(HaltCause.REFUSED_OTHER, detail)
    since = range(head.failures_from_nonce, mined)
    failed = attempts.list_failed_nonces(connection, operator, head.log, first.first, since)
    if len(failed) < FAILURES:
        return None
    detail = f"the batch at {first.first} was in {len(failed)} transactions that failed, nonces {failed}"
    return Halt(HaltCause.FAILING_TRANSACTION, detail)


_SEEN_IN_INDEX = {SkipReason.NOT_OPERATOR, SkipReason.LOG_CLOSED}
"""Whether these still apply is in the index: an operator may be rotated away and back."""
