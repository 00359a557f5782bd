"""Officers that an agency has revoked since a backup, from the revocation lists stored outside of it.

The index is still empty when a backup is restored, so each agency's key is read from the registry itself.
The registry does not show an agency's former keys; for these, no revoked officer may be accepted: SPEC.md §6,
"Revocation list objects".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cityledger.errors import CredentialError, FieldError
from cityledger.recovery.bounded import bounded
from cityledger.recovery.restore.tombstones import Refused
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocation_objects import MAX_BYTES, PREFIX, ListName, parse_list_key
from cityledger.store.sessions.revocations import RevocationList, StoredList
from cityledger.types import Agency, AgencyId, AgencyStatus

_MEMBERS = (AgencyStatus.ACTIVE, AgencyStatus.SUSPENDED)
_FIRST_EPOCH = 1
_UNKNOWN_KEY = (
    "revocation list: not signed by the key that the registry holds for the agency, nor by one whose list is"
    " in the backup"
)


@dataclass(frozen=True, slots=True)
class Grounds:
    """``verify`` checks form, signature and instance (CredentialError); ``find_agency`` reads the registry.
    ``stored`` are the lists in the backup, whose keys the registry held when they were put; ``awaited`` the
    agencies that had to put theirs again when the backup was made.
    """

    verify: Callable[[str], RevocationList]
    find_agency: Callable[[AgencyId], Agency | None]
    stored: Sequence[StoredList]
    awaited: Sequence[AgencyId] = ()


@dataclass(frozen=True, slots=True)
class FoundList:
    """``is_current``: it would be accepted if it were put now; any other only adds revocations. ``is_known``:
    its key is in the registry or in the backup."""

    agency: AgencyId
    is_current: bool
    said: RevocationList
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class FoundLists:
    """``doubtful`` are the agencies that refused lists name; ``former`` those that cannot put a list, because
    the registry has no active or suspended agency of that number."""

    lists: tuple[FoundList, ...] = ()
    refused: tuple[Refused, ...] = ()
    doubtful: frozenset[AgencyId] = frozenset()
    former: frozenset[AgencyId] = frozenset()


def gather_lists(objects: Objects, folder: Path | None, grounds: Grounds) -> FoundLists:
    """The lists in the object store and in a copy of its ``revocations/``.

    Raises:
        UnavailableError: the object store does not answer.
        ChainError: the chain does not answer.
    """
    found: list[tuple[str, FoundList]] = []
    refused: list[Refused] = []
    doubtful: set[AgencyId] = set()
    for name, data in _all(objects, folder):
        named: ListName | None = None
        try:
            named = parse_list_key(name)
            found.append((name, _verified(named, data, grounds)))
        except (CredentialError, FieldError) as error:
            refused.append(Refused(name, str(error)))
            doubtful |= {named.agency} if named is not None else set()
    lists = tuple(one for _, one in found if one.is_known)
    for name, one in found:
        if not one.is_known and not _is_replaced(one, lists):
            refused.append(Refused(name, _UNKNOWN_KEY))
            doubtful.add(one.agency)
    former = _former(doubtful.union(grounds.awaited, (one.agency for one in grounds.stored)), grounds)
    return FoundLists(lists, tuple(refused), frozenset(doubtful), former)


def replay_lists(connection: sa.Connection, found: FoundLists, now: int) -> tuple[AgencyId, ...]:
    """Applies the lists that are newer than the restored rows. Idempotent.

    Returns the agencies that must put their list again, because the newest is not known.
    """
    stored = revocations.list_stored(connection)
    newest = _newest(found.lists)
    behind = {one.agency for one in stored if _is_behind(one.agency, stored, newest)}
    # An agency that was awaited when the backup was made may have put lists since, which may be lost.
    for agency in behind | set(revocations.list_awaited(connection)):
        revocations.await_list(connection, agency, now)
    seqs = {(one.agency, one.key): one.seq for one in stored}
    newer = [one for one in newest if one.said.seq > seqs.get((one.agency, one.said.key), 0)]
    for agency in {one.agency for one in newer}:
        _replay(connection, agency, [one for one in newer if one.agency == agency], now)
    for agency in found.doubtful:  # also if a list was replaced: the doubtful list may be the newer one
        revocations.await_list(connection, agency, now)
    for agency in found.former:  # it has no sessions, and cannot put a list that would end the wait
        revocations.end_wait(connection, agency)
    return tuple(revocations.list_awaited(connection))


def _replay(connection: sa.Connection, agency: AgencyId, newer: Iterable[FoundList], now: int) -> None:
    current = next((one.said for one in newer if one.is_current), None)
    if current is not None:
        revocations.replace_list(connection, agency, current, now)
    for one in newer:
        if one.said is current:
            continue
        revocations.store_list(connection, agency, one.said, now)
        # A former key's list was in effect only until the next key's was put.
        if current is None or one.said.issued_at >= current.issued_at:
            revocations.add_revoked(connection, agency, one.said.revoked)


def _newest(lists: Iterable[FoundList]) -> list[FoundList]:
    """The list with the highest number of each key."""
    newest: dict[tuple[AgencyId, bytes], FoundList] = {}
    for one in sorted(lists, key=lambda each: each.said.seq):
        newest[one.agency, one.said.key] = one
    return list(newest.values())


def _is_behind(agency: AgencyId, stored: Iterable[StoredList], newest: Iterable[FoundList]) -> bool:
    """Returns whether the store lacks a list of the agency that is in the backup, so that it may lack newer
    ones. Lists of former keys do not matter if the current key's is known."""
    known = {one.key: one.seq for one in stored if one.agency == agency}
    lists = {one.said.key: one for one in newest if one.agency == agency}
    if any(one.is_current and one.said.seq >= known.get(key, 0) for key, one in lists.items()):
        return False
    return any(key not in lists or lists[key].said.seq < seq for key, seq in known.items())


def _verified(named: ListName, data: bytes, grounds: Grounds) -> FoundList:
    said = grounds.verify(data.decode("ascii", "replace"))
    if (said.key, said.seq) != (named.key, named.seq):
        raise FieldError("name", "is not that of the key and number of the list in it")
    agency = grounds.find_agency(named.agency)
    if agency is None or agency.code != said.issuer:
        raise CredentialError("revocation list: iss is not the code of the agency in its name")
    is_registered = agency.credential_key_digest == said.key
    was_registered = any((one.agency, one.key) == (named.agency, said.key) for one in grounds.stored)
    # After a reported compromise the registry may still hold the stolen key: only the index could show that.
    is_trusted = agency.epoch == _FIRST_EPOCH and agency.status in _MEMBERS
    return FoundList(
        named.agency, is_registered and is_trusted, said, is_known=is_registered or was_registered
    )


def _is_replaced(unknown: FoundList, lists: Iterable[FoundList]) -> bool:
    """Returns whether the list cannot be in effect, independent of its signer: the registry's key has signed
    a whole list that is not older, as after a rotation.
    """
    return any(
        one.is_current and one.agency == unknown.agency and one.said.issued_at >= unknown.said.issued_at
        for one in _newest(lists)
    )


def _former(agencies: Iterable[AgencyId], grounds: Grounds) -> frozenset[AgencyId]:
    found = {number: grounds.find_agency(number) for number in agencies}
    return frozenset(number for number, one in found.items() if one is None or one.status not in _MEMBERS)


def _all(objects: Objects, folder: Path | None) -> Iterator[tuple[str, bytes]]:
    for entry in objects.list(PREFIX):
        yield entry.key, bounded(objects.get(entry.key), MAX_BYTES)
    for path in sorted(folder.rglob("*.jwt")) if folder is not None else ():
        with path.open("rb") as file:
            yield PREFIX + "/".join(path.parts[-3:]), bounded([file.read(MAX_BYTES + 1)], MAX_BYTES)
