"""Moves a record's head on chain to the newest version that this node wrote (SPEC.md §4.1).

Two nodes of one agency may each write a version that follows the same one. Only one can become the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from cityledger.chain.contracts.record_ledger import Inclusion
from cityledger.chain.transactions import TransactionReceipt
from cityledger.errors import HeadMovedError, NotFoundError, RevertedError
from cityledger.exchange.access import Target
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.lookup import include
from cityledger.exchange.permits import Permit
from cityledger.exchange.services import Services
from cityledger.exchange.subtree_cache import SubtreeCache
from cityledger.proofs.leaves import RecordLeaf
from cityledger.store.index import queries as index
from cityledger.store.index.queries import Head
from cityledger.store.records import versions as records
from cityledger.store.records.versions import StoredVersion
from cityledger.types import Action, LeafHash

_LOST = ("RecordLedgerHeadMoved", "RecordLedgerHeadNotForward")
_MOVED = "another version is the record's current head; write one that follows it, and move the head to that"


class HeadMover(Protocol):
    """Returns once the move is mined.

    Raises:
        RevertedError: the contract refused; where that is for another head, the index has it.
        ChainUnavailableError: not mined in time; it may still be.
    """

    def move(
        self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None
    ) -> TransactionReceipt: ...


@dataclass(frozen=True, slots=True)
class _Move:
    version: StoredVersion
    leaf: RecordLeaf
    inclusion: Inclusion
    head: Head | None


def move_head(services: Services, mover: HeadMover, permit: Permit, expected: int | None = None) -> Head:
    """Moves the record's head to its newest version and returns it. If that is the head already, it is only
    returned.

    ``expected`` is the version that the caller knows to be the current head, 0 for none; None is whichever of
    this node's own versions is.

    Raises:
        NotFoundError: nothing was written, or it was erased.
        HeadMovedError: the current head is another version than the one that is followed.
        NotAnchoredError: the newest version is durable but not mined yet.
        RevertedError, ChainUnavailableError: as ``HeadMover.move``.
    """
    permit.verify_action(Action.WRITE)
    target = permit.target
    with services.database.reading() as connection:
        newest = _newest(connection, target)
        head = index.find_head(connection, target.dataset, target.record)
        if head is not None and head.leaf_hash == newest.leaf_hash:
            return head
        _verify_follows(connection, newest, head, expected)
        with reporting_alterations(services.alterations, newest.log, newest.seq):
            leaf = records.load_leaf(connection, services.instance, newest)
            inclusion = _inclusion(connection, leaf, services.subtree_cache)
    return _move(services, mover, _Move(newest, leaf, inclusion, head))


def _move(services: Services, mover: HeadMover, move: _Move) -> Head:
    expected = None if move.head is None else move.head.leaf_hash
    try:
        receipt = mover.move(move.leaf, move.inclusion, expected)
    except RevertedError as error:
        if error.name not in _LOST:
            raise
        head = _find_head_at(services, move.version)
        if head is None:
            raise HeadMovedError(_MOVED) from error
        return head
    version = move.version
    return Head(version.leaf_hash, version.version, receipt.transaction, receipt.block_number)


def _find_head_at(services: Services, version: StoredVersion) -> Head | None:
    """The head, if it is this version: after a reorg or a lost answer, an earlier move to it may be mined
    while the same is requested again.
    """
    with services.database.reading() as connection:
        head = index.find_head(connection, version.dataset, version.record)
    return head if head is not None and head.leaf_hash == version.leaf_hash else None


def _newest(connection: sa.Connection, target: Target) -> StoredVersion:
    """The newest version; one that withdraws the record may become the head like any other."""
    number = records.newest_version(connection, target.dataset, target.record)
    found = records.find_any_version(connection, target.dataset, target.record, number)
    if found is None or found.wrapped is None:
        raise NotFoundError("record")
    return found


def _verify_follows(
    connection: sa.Connection, newest: StoredVersion, head: Head | None, expected: int | None
) -> None:
    current = 0 if head is None else head.version
    if expected is not None and expected != current:
        raise HeadMovedError(f"version {current} is the record's current head, not {expected}")
    if head is not None and expected is None and not _is_ours(connection, newest, head):
        raise HeadMovedError(_MOVED)
    if newest.version <= current:
        raise HeadMovedError(_MOVED)


def _is_ours(connection: sa.Connection, newest: StoredVersion, head: Head) -> bool:
    versions = records.list_versions(connection, newest.dataset, newest.record)
    return any(one.leaf_hash == head.leaf_hash for one in versions)


def _inclusion(connection: sa.Connection, leaf: RecordLeaf, cache: SubtreeCache) -> Inclusion:
    found = include(connection, leaf, cache)
    return Inclusion(found.batch.first, found.batch.count, found.batch.root, found.path)
