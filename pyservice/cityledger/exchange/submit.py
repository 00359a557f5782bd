"""Writes: validate, seal each part under a fresh data key, then decide again, number and store in one
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from cityledger.errors import (
    ConflictError,
    ContradictionError,
    StaleVersionError,
    UnavailableError,
    VaultKeyRotatedError,
    WriteConflictError,
)
from cityledger.exchange.access import Target
from cityledger.exchange.decisions import Ruling, refuse
from cityledger.exchange.parts.own import NEVER, Newest, load_newest
from cityledger.exchange.parts.seal_version import Content, seal_version
from cityledger.exchange.parts.storage import discard, discard_after, keys_in
from cityledger.exchange.parts.uploads import PendingObjects
from cityledger.exchange.parts.validation import validate_parts
from cityledger.exchange.permits import Permit, write_permitted
from cityledger.exchange.services import Services
from cityledger.exchange.tombstones import keep_tombstones
from cityledger.profiles import registry
from cityledger.profiles.profile import Profile
from cityledger.store.anchoring import logs
from cityledger.store.index.queries import Dataset
from cityledger.store.records import versions as records
from cityledger.store.records import writes
from cityledger.store.records.versions import SealedRecord, StoredVersion
from cityledger.store.records.writes import Erasure
from cityledger.types import Action, Aead, ErasureReason, LogId, LogKind, RecordId

InTransaction = Callable[[sa.Connection, StoredVersion], None]
"""Runs in the same transaction as the write, e.g. to store the answer to an idempotent request."""
MAX_ATTEMPTS = 32
"""Limit on how often a write without If-Match is sealed again after another write took its version number."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to write. ``expected`` is the newest version that the caller knows: None any, 0 must not
    exist.

    ``submit`` becomes the owner of the content's ``uploads``, which are sealed with ``aead`` too: after it,
    they are part of the version or deleted. ``Uploading`` has validated the content that it comes with.
    """

    content: Content
    expected: int | None = None
    aead: Aead = Aead.AES_256_GCM


def submit(
    services: Services, permit: Permit, draft: Draft, in_transaction: InTransaction | None = None
) -> StoredVersion:
    """Returns once the version is durable and numbered in the provider's log.

    A profile may find that the draft has the content of the newest version: then that version is returned.

    Raises:
        PayloadError, FieldError: the content does not fit the dataset; names the field.
        DeniedError, NotFoundError: denied by now; the receipt is durable (see ``write_permitted``).
        StaleVersionError: the newest version is not ``expected``.
        ConflictError: a newer state of the same thing is stored already.
        MisdirectedError, UnavailableError, StorageFullError: nothing was written.
    """
    permit.verify_action(Action.WRITE)
    with PendingObjects(services, draft.content.uploads) as pending:
        if draft.content.uploads is None:
            validate_parts(permit.dataset, draft.content.parts)
        return _Write(services, permit, draft, in_transaction, pending).run()


def withdraw(services: Services, permit: Permit, expected: int | None = None) -> StoredVersion:
    """Ends a record by a version without parts. Its history stays, and a later write brings it back.

    Raises: as ``submit``; NotFoundError also where there is nothing to withdraw.
    """
    permit.verify_action(Action.WRITE)
    newest = permit.ruling.version
    if newest is None:
        raise refuse(permit.ruling)
    draft = Draft(Content(newest.subjects, {}, withdraws=True), expected)
    with PendingObjects(services) as pending:
        return _Write(services, permit, draft, None, pending).run()


def erase(services: Services, permit: Permit, reason: ErasureReason) -> list[logs.Numbered]:
    """Destroys the wrapped key of every version of a record and numbers a tombstone for each.

    The tombstones are durable as objects as well when this returns: a restore applies them. ERASE is decided
    again in the transaction that destroys the keys: a record that is sealed by law by then keeps them
    (SPEC.md §2, rule 4).

    Raises: as ``submit``, but where only the object store failed the erasure is in effect; NotFoundError also
        where nothing is left to erase.
    """
    permit.verify_action(Action.ERASE)

    def work(connection: sa.Connection, ruling: Ruling) -> tuple[list[logs.Numbered], list[str]]:
        target, now = permit.target, ruling.at
        versions = records.list_versions(connection, target.dataset, target.record)
        living = [version for version in versions if version.wrapped is not None]
        if not living:
            raise refuse(ruling)
        objects = list(records.object_keys(connection, living))
        log = records_log(connection, ruling.dataset)
        when = Erasure(reason, now, now + services.backup_horizon_seconds)
        return writes.erase(connection, services.instance, log, living, when), objects

    numbered, objects = write_permitted(services, permit, work)
    discard(services, objects)  # without their keys they are noise; what cannot be deleted now is swept
    keep_tombstones(services, numbered)
    return numbered


def verify_expected(services: Services, target: Target, expected: int | None) -> None:
    """Reports early what ``submit`` would find: it checks again when it writes.

    Raises:
        StaleVersionError: the newest version is not ``expected``.
    """
    with services.database.reading() as connection:
        _verify_expected(connection, target, expected)


def records_log(connection: sa.Connection, dataset: Dataset) -> LogId:
    """The provider's records log.

    Raises:
        UnavailableError: it is not open on this node, or was halted.
    """
    head = logs.find_head(connection, dataset.provider, LogKind.RECORDS)
    if head is None or head.halted is not None:
        raise UnavailableError(
            "the provider's records log is not open on this node, so nothing can be written"
        )
    return head.log


def says_the_same(profile: Profile, newest: Newest, content: Content) -> bool:
    """Returns whether the profile finds nothing new in what is to be written.

    Raises:
        ConflictError: it is a state from before the newest one.
        ContradictionError: it is another state of the newest one's instant.
    """
    if not newest.parts or content.withdraws:
        return False
    if profile.instant_of is not None:
        then, now = profile.instant_of(newest.parts), profile.instant_of(content.parts)
        if then is not None and now is not None and now < then:
            raise ConflictError("is older than the newest state that is there")
    if profile.contradicts is not None and profile.contradicts(newest.parts, content.parts):
        raise ContradictionError("is of the same instant as the newest state, and contradicts it")
    return profile.is_same is not None and profile.is_same(newest.parts, content.parts)


@dataclass(frozen=True, slots=True)
class _Write:
    """One write: sealed outside of the transaction, decided again and numbered inside it."""

    services: Services
    permit: Permit
    draft: Draft
    in_transaction: InTransaction | None
    pending: PendingObjects

    def run(self) -> StoredVersion:
        if self.draft.expected is not None:
            return self._write()
        # Otherwise each would use the version number for which others have sealed, and they would seal again.
        with self.services.turns.turn((self.permit.target.dataset, self.permit.target.record)):
            return self._write()

    def _write(self) -> StoredVersion:
        for _ in range(MAX_ATTEMPTS):
            newest = self._newest()
            work = partial(self._store, newest.version, self._sealed(newest))
            try:
                return write_permitted(self.services, self.permit, work)
            except VaultKeyRotatedError:
                self.services.follow_rotation(self.permit.dataset.provider)
            except StaleVersionError:
                if self.draft.expected is not None:
                    raise
        raise WriteConflictError("too many concurrent writes to this record; try again")

    def _newest(self) -> Newest:
        dataset, target = self.permit.dataset, self.permit.target
        profile = registry.get(dataset.profile)
        with self.services.database.reading() as connection:
            if profile.is_same is None and profile.instant_of is None:  # then nothing need be opened
                return Newest(records.newest_version(connection, target.dataset, target.record), None)
            newest = load_newest(self.services, connection, dataset.provider, target.dataset, [target.record])
        return newest.get(target.record, NEVER)

    def _sealed(self, newest: Newest) -> SealedRecord | None:
        """The version to store; None where the newest version has the same content already."""
        dataset, content = self.permit.dataset, self.draft.content
        is_repeated = says_the_same(registry.get(dataset.profile), newest, content)
        if is_repeated and newest.subjects == content.subjects:
            return None
        record, version = self.permit.target.record, newest.version + 1
        sealed = seal_version(self.services, dataset, record, version, content, self.draft.aead)
        self.pending.add(sealed)
        return sealed

    def _store(
        self, newest: int, sealed: SealedRecord | None, connection: sa.Connection, ruling: Ruling
    ) -> StoredVersion:
        target = self.permit.target
        _verify_expected(connection, target, self.draft.expected)
        if sealed is None:
            stored = _unchanged(connection, target, newest)
        else:
            log = records_log(connection, ruling.dataset)
            stored = writes.append_version(connection, self.services.instance, log, sealed, ruling.at)
        if self.in_transaction is not None:
            self.in_transaction(connection, stored)
        return stored


def _unchanged(connection: sa.Connection, target: Target, newest: int) -> StoredVersion:
    stored = records.find_version(connection, target.dataset, target.record)
    if stored is None or stored.version != newest:
        raise StaleVersionError("the record was written concurrently")
    return stored


def _verify_expected(connection: sa.Connection, target: Target, expected: int | None) -> None:
    if expected is None:
        return
    stored = records.find_version(connection, target.dataset, target.record)
    newest = 0 if stored is None else stored.version
    if newest != expected:
        raise StaleVersionError(f"the record's newest version is {newest}, not {expected}")


RowsInTransaction = Callable[[sa.Connection, Sequence[StoredVersion]], None]
"""Runs in the same transaction as the rows, e.g. to move a cursor."""


@dataclass(frozen=True, slots=True)
class RowDraft:
    """The next version of a record. Its content was checked against the profile, and ``version`` is the one
    that follows what the caller compared it with.
    """

    record: RecordId
    version: int
    content: Content


def seal_rows(services: Services, dataset: Dataset, rows: Sequence[RowDraft]) -> list[SealedRecord]:
    """Seals each row for ``submit_rows``, which takes over the objects of long parts; no row is written."""
    sealed: list[SealedRecord] = []
    try:
        for row in rows:
            sealed.append(seal_version(services, dataset, row.record, row.version, row.content))
    except BaseException as failure:
        discard_after(services, keys_in(part for one in sealed for part in one.parts), failure)
        raise
    return sealed


def submit_rows(
    services: Services, permit: Permit, sealed: Sequence[SealedRecord], in_transaction: RowsInTransaction
) -> list[StoredVersion]:
    """Returns once every row is durable and numbered, together with what ``in_transaction`` wrote. All or
    none.

    The decision is one for all, about the dataset: the rules never hide a record from the provider that
    writes it.

    Raises:
        DeniedError, NotFoundError: denied by now; the receipt is durable (see ``write_permitted``).
        StaleVersionError: another write took a version number; compare and seal again.
        UnavailableError, StorageFullError: nothing was written.
    """

    permit.verify_action(Action.WRITE)

    def work(connection: sa.Connection, ruling: Ruling) -> list[StoredVersion]:
        log = records_log(connection, ruling.dataset)
        stored = writes.append_versions(connection, services.instance, log, sealed, ruling.at)
        in_transaction(connection, stored)
        return stored

    try:
        return write_permitted(services, permit, work)
    except BaseException as failure:
        discard_after(services, keys_in(part for one in sealed for part in one.parts), failure)
        raise
