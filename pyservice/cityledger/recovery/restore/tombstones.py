"""Erasures since a backup, from the tombstones stored outside of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cityledger.errors import CityledgerError, FieldError
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.proofs.tombstone_object import MAX_BYTES, TombstoneObject, from_bytes, signer_of
from cityledger.recovery.bounded import bounded
from cityledger.store import tombstones
from cityledger.store.objects import Objects
from cityledger.types import Address, LogId


@dataclass(frozen=True, slots=True)
class Trust:
    """Tombstones are obeyed if they are of this instance and one of our accounts signed them. ``logs`` are
    those of the backup: a tombstone of a leaf in one of them concerns us, independent of its signer.
    """

    instance: bytes
    domain: ReceiptDomain
    accounts: Collection[Address]
    logs: Collection[LogId]


@dataclass(frozen=True, slots=True)
class Refused:
    """A tombstone that concerns the backup and is not obeyed."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    tombstones: tuple[TombstoneObject, ...]
    refused: tuple[Refused, ...]


def gather(objects: Objects, folder: Path | None, trust: Trust) -> Found:
    """The tombstones of our logs in the object store and in a folder of such files; others are ignored.

    An operator may have been replaced since the backup, so the whole store is examined: tombstones that are
    signed by an account outside of the backup's keyring, or that cannot be read, are reported as refused.

    Raises:
        UnavailableError: the object store does not answer: without it an erased key could be restored.
    """
    taken: dict[tuple[int, int], TombstoneObject] = {}
    refused: list[Refused] = []
    for name, data in _all(objects, folder):
        try:
            one = from_bytes(data)
            if one.leaf.instance == trust.instance and one.erased_log in trust.logs:
                _verify_ours(one, trust)
                taken[one.erased_log, one.erased_seq] = one
        except CityledgerError as error:
            refused.append(Refused(name, str(error)))
    return Found(tuple(taken.values()), tuple(refused))


def replay_all(
    connection: sa.Connection, found: Iterable[TombstoneObject], now: int
) -> tuple[int, list[str]]:
    """Repeats the erasures; returns their number, and the objects that are no longer needed."""
    replayed, keys = 0, []
    for one in found:
        version = tombstones.find_erased(connection, one)
        if version is not None and version.wrapped is not None:
            keys += tombstones.replay(connection, one, version, now)
            replayed += 1
    return replayed, keys


def _verify_ours(one: TombstoneObject, trust: Trust) -> None:
    if signer_of(one, trust.domain) not in trust.accounts:
        raise FieldError("signature", "is not by an account of this node's keyring")


def _all(objects: Objects, folder: Path | None) -> Iterator[tuple[str, bytes]]:
    for entry in objects.list("tombstones/"):
        yield entry.key, bounded(objects.get(entry.key), MAX_BYTES)
    for path in sorted(folder.rglob("*.json")) if folder is not None else ():
        with path.open("rb") as file:
            yield path.name, bounded([file.read(MAX_BYTES + 1)], MAX_BYTES)
