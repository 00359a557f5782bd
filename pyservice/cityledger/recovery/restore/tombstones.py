"""Which erasures a restored backup does not know of, from the tombstones kept outside of it."""

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
    """Whose tombstones are obeyed: those of this instance that one of our accounts signed. ``logs`` are those
    of the backup: what names a leaf in one of them concerns us, whoever signed it.
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
    """The tombstones of our logs in the object store and in a folder of such files; others' are passed over.

    An operator may have been replaced since the backup, so all of the store is looked at: what an account
    signed that the backup's keyring does not hold is told as refused, and so is what cannot be read.

    Raises:
        UnavailableError: the object store does not answer: without it a restored key could be a dead one.
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
    """Destroys what each erased, where it lives still; how many, and the objects that nothing needs now."""
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
    for held in objects.list("tombstones/"):
        yield held.key, bounded(objects.get(held.key), MAX_BYTES)
    for path in sorted(folder.rglob("*.json")) if folder is not None else ():
        with path.open("rb") as file:
            yield path.name, bounded([file.read(MAX_BYTES + 1)], MAX_BYTES)
