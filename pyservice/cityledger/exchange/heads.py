"""What counts of a record: moves its head on chain to the newest version that this node wrote (SPEC.md §4.1).

Two nodes of one agency may each write a version that follows the same one. Only one of them can land.
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
from cityledger.exchange.subtree_cache import TreeTops
from cityledger.proofs.leaves import RecordLeaf
from cityledger.store.index import queries as index
from cityledger.store.index.queries import Head
from cityledger.store.records import versions as records
from cityledger.store.records.versions import StoredVersion
from cityledger.types import Action, LeafHash

_LOST = ("RecordLedgerHeadMoved", "RecordLedgerHeadNotForward")
_TOLD = "another version of the record has landed; write one that follows it, and land that"


class HeadMover(Protocol):
    """Returns once the move is mined.

    Raises:
        RevertedError: the contract refused, and the index holds the head for whose sake.
        ChainUnavailableError: not mined in time; it may still be.
    """

    def move(
        self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None
    ) -> TransactionReceipt: ...


@dataclass(frozen=True, slots=True)
class Landed:
    """The version that the head now points to, and where the chain took the move."""

    version: StoredVersion
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class _Move:
    version: StoredVersion
    leaf: RecordLeaf
    inclusion: Inclusion
    head: Head | None


def land(services: Services, mover: HeadMover, permit: Permit, expected: int | None = None) -> Landed:
    """Moves the record's head to its newest version; done already, it only says so.

    ``expected`` is the version that the caller knows to have landed, 0 for none; None is whichever of this
    node's own versions has.

    Raises:
        NotFoundError: nothing was written, or it was erased.
        HeadMovedError: another version has landed than the one that is followed.
        NotAnchoredError: the newest version is durable but not mined yet.
        RevertedError, ChainUnavailableError: as ``HeadMover.move``.
    """
    permit.verify_action(Action.WRITE)
    target = permit.target
    with services.database.reading() as connection:
        newest = _newest(connection, target)
        head = index.find_head(connection, target.dataset, target.record)
        if head is not None and head.leaf_hash == newest.leaf_hash:
            return Landed(newest, head.transaction, head.block)
        _verify_follows(connection, newest, head, expected)
        with reporting_alterations(services.alterations, newest.log, newest.seq):
            leaf = records.load_leaf(connection, services.instance, newest)
            inclusion = _inclusion(connection, leaf, services.tree_tops)
    return _move(services, mover, _Move(newest, leaf, inclusion, head))


def _move(services: Services, mover: HeadMover, move: _Move) -> Landed:
    expected = None if move.head is None else move.head.leaf_hash
    try:
        receipt = mover.move(move.leaf, move.inclusion, expected)
    except RevertedError as error:
        if error.name not in _LOST:
            raise
        landed = _find_landed(services, move.version)
        if landed is None:
            raise HeadMovedError(_TOLD) from error
        return landed
    return Landed(move.version, receipt.transaction, receipt.block_number)


def _find_landed(services: Services, version: StoredVersion) -> Landed | None:
    """Where this version landed, if it did: after a reorg or a lost answer, an earlier move of it may be
    mined while the same is asked for again.
    """
    with services.database.reading() as connection:
        head = index.find_head(connection, version.dataset, version.record)
    is_landed = head is not None and head.leaf_hash == version.leaf_hash
    return Landed(version, head.transaction, head.block) if head is not None and is_landed else None


def _newest(connection: sa.Connection, target: Target) -> StoredVersion:
    """The newest version; one that withdraws the record may land like any other."""
    number = records.newest_version(connection, target.dataset, target.record)
    found = records.find_any_version(connection, target.dataset, target.record, number)
    if found is None or found.wrapped is None:
        raise NotFoundError("record")
    return found


def _verify_follows(
    connection: sa.Connection, newest: StoredVersion, head: Head | None, expected: int | None
) -> None:
    landed = 0 if head is None else head.version
    if expected is not None and expected != landed:
        raise HeadMovedError(f"version {landed} is what has landed, not {expected}")
    if head is not None and expected is None and not _is_ours(connection, newest, head):
        raise HeadMovedError(_TOLD)
    if newest.version <= landed:
        raise HeadMovedError(_TOLD)


def _is_ours(connection: sa.Connection, newest: StoredVersion, head: Head) -> bool:
    versions = records.list_versions(connection, newest.dataset, newest.record)
    return any(one.leaf_hash == head.leaf_hash for one in versions)


def _inclusion(connection: sa.Connection, leaf: RecordLeaf, tops: TreeTops) -> Inclusion:
    found = include(connection, leaf, tops)
    return Inclusion(found.batch.first, found.batch.count, found.batch.root, found.path)
