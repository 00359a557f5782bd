"""The first sentence of the product: validate, seal each part under a fresh data key, number and store in
one durable step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import sqlalchemy as sa

from cityledger.errors import (
    ConflictError,
    ContradictionError,
    DeniedError,
    NotFoundError,
    StaleVersionError,
    UnavailableError,
    VaultKeyRotatedError,
    WriteConflictError,
)
from cityledger.exchange.decisions import Ruling, refuse, rule, rule_within
from cityledger.exchange.parts.own import NEVER, Newest, load_newest
from cityledger.exchange.parts.seal_version import Content, seal_version, verify_content
from cityledger.exchange.parts.storage import discard, discard_after, keys_in
from cityledger.exchange.parts.uploads import Kept, Uploads
from cityledger.exchange.receipts import make_receipts, store_receipts
from cityledger.exchange.services import Intent, Services, Target
from cityledger.exchange.tombstones import keep_tombstones
from cityledger.profiles import registry
from cityledger.profiles.profile import Profile
from cityledger.profiles.record_body import RecordBody
from cityledger.store.anchoring import logs
from cityledger.store.index.queries import Dataset
from cityledger.store.records import versions as records
from cityledger.store.records import writes
from cityledger.store.records.versions import SealedRecord, StoredVersion
from cityledger.store.records.writes import Erasure
from cityledger.store.sessions.tokens import Session
from cityledger.types import Action, Aead, ErasureReason, LogId, LogKind, RecordId

Afterwards = Callable[[sa.Connection, StoredVersion], None]
"""Runs in the same transaction as the write, e.g. to keep the answer of an idempotent request."""
ROUNDS = 32
"""How often a write without If-Match seals again when another write took its version number."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A write. ``expected`` is the newest version that the caller knows: None any, 0 must not exist.

    ``uploads`` are the binary parts, sealed with ``aead`` too. ``submit`` takes them over: after it, they are
    part of the version or gone.
    """

    target: Target
    body: RecordBody
    expected: int | None = None
    aead: Aead = Aead.AES_256_GCM
    uploads: Uploads | None = None


def submit(
    services: Services, session: Session, intent: Intent, draft: Draft, afterwards: Afterwards | None = None
) -> StoredVersion:
    """Returns once the version is durable and numbered in the provider's log.

    A profile may find that the draft says the same as the newest version: then that version is returned.

    Raises:
        PayloadError, FieldError: the body does not fit the dataset; names the field.
        DeniedError: after a receipt of the denial is durable.
        StaleVersionError: ``expected`` does not hold.
        ConflictError: a newer state of the same thing is there already.
        MisdirectedError, UnavailableError, StorageFullError: nothing was written.
    """
    with Kept(services, draft.uploads) as kept:
        ruling = allow(services, session, intent, draft.target)
        content = Content(draft.body.subjects, draft.body.parts, uploads=draft.uploads)
        verify_content(ruling.dataset, content)
        return _Writing(services, session, intent, draft, ruling.dataset, content, afterwards, kept).run()


def withdraw(
    services: Services, session: Session, intent: Intent, target: Target, expected: int | None = None
) -> StoredVersion:
    """Ends a record by a version without parts. Its history stays, and a later write brings it back.

    Raises: as ``submit``; NotFoundError where there is nothing to withdraw.
    """
    ruling = allow(services, session, intent, target)
    if ruling.version is None:
        raise refuse(ruling)
    content = Content(ruling.version.subjects, {}, withdraws=True)
    draft = Draft(target, RecordBody(content.subjects, {}), expected)
    with Kept(services, None) as kept:
        return _Writing(services, session, intent, draft, ruling.dataset, content, None, kept).run()


def erase(
    services: Services, session: Session, intent: Intent, target: Target, reason: ErasureReason
) -> list[logs.Numbered]:
    """Destroys the wrapped key of every version of a record and numbers a tombstone for each.

    The tombstones are durable as objects as well when this returns: a restore applies them. Whatever
    action ``intent`` names, ERASE is decided, also in the transaction that destroys the keys: a record that
    is sealed by law by then stays (SPEC.md §2, rule 4).

    Raises: as ``submit``, but where only the object store failed the erasure stands; NotFoundError where
        nothing is left to erase.
    """
    erasing = replace(intent, action=Action.ERASE)
    now = allow(services, session, erasing, target).answers[0].query.at
    when = Erasure(reason, now, now + services.backup_horizon_seconds)

    def work(connection: sa.Connection) -> tuple[list[logs.Numbered], list[str]] | Ruling:
        again = rule_within(connection, services, session, erasing, target)
        if not again.permit:
            return again
        versions = records.list_versions(connection, target.dataset, target.record)
        living = [version for version in versions if version.wrapped is not None]
        if not living:
            raise refuse(again)
        objects = list(records.object_keys(connection, living))
        log = records_log(connection, again.dataset)
        return writes.erase(connection, services.instance, log, living, when), objects

    done = services.journal.run(work)
    if isinstance(done, Ruling):
        raise _denied(services, session, erasing, done)
    numbered, objects = done
    discard(services, objects)  # without their keys they are noise; what cannot go now is swept
    keep_tombstones(services, numbered)
    return numbered


def allow(services: Services, session: Session, intent: Intent, target: Target) -> Ruling:
    """The ruling on a write that is permitted; a denial is raised after its receipt is durable."""
    ruling = rule(services, session, intent, target)
    if not ruling.permit:
        raise _denied(services, session, intent, ruling)
    return ruling


def _denied(
    services: Services, session: Session, intent: Intent, ruling: Ruling
) -> DeniedError | NotFoundError:
    """The caller's answer, once the receipt of the denial is durable."""
    store_receipts(services, ruling, make_receipts(services, session, intent, ruling, None))
    return refuse(ruling)


def verify_expected(services: Services, target: Target, expected: int | None) -> None:
    """Tells early what ``submit`` would find: it asks again when it writes.

    Raises:
        StaleVersionError: the newest version is another than ``expected``.
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
    """Whether the profile finds nothing new in what is to be written.

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
class _Writing:
    """One write on its way: sealed outside of the transaction, decided again and numbered inside it."""

    services: Services
    session: Session
    intent: Intent
    draft: Draft
    dataset: Dataset
    content: Content
    afterwards: Afterwards | None
    kept: Kept

    def run(self) -> StoredVersion:
        if self.draft.expected is not None:
            return self._write()
        # Otherwise each would use the version number for which others have sealed, and they would seal again.
        with self.services.turns.turn((self.draft.target.dataset, self.draft.target.record)):
            return self._write()

    def _write(self) -> StoredVersion:
        for _ in range(ROUNDS):
            newest = self._newest()
            work = partial(self._store, newest.version, self._sealed(newest))
            try:
                return self.services.journal.run(work)
            except VaultKeyRotatedError:
                self.services.follow_rotation(self.dataset.provider)
            except StaleVersionError:
                if self.draft.expected is not None:
                    raise
        raise WriteConflictError("too many concurrent writes to this record; try again")

    def _newest(self) -> Newest:
        target, profile = self.draft.target, registry.get(self.dataset.profile)
        with self.services.database.reading() as connection:
            if profile.is_same is None and profile.instant_of is None:  # then nothing need be opened
                return Newest(records.newest_version(connection, target.dataset, target.record), None)
            found = load_newest(
                self.services, connection, self.dataset.provider, target.dataset, [target.record]
            )
        return found.get(target.record, NEVER)

    def _sealed(self, newest: Newest) -> SealedRecord | None:
        """What is to be stored; None where the newest version says the same already."""
        is_repeated = says_the_same(registry.get(self.dataset.profile), newest, self.content)
        if is_repeated and newest.subjects == self.content.subjects:
            return None
        record, version = self.draft.target.record, newest.version + 1
        sealed = seal_version(self.services, self.dataset, record, version, self.content, self.draft.aead)
        self.kept.note(sealed)
        return sealed

    def _store(self, newest: int, sealed: SealedRecord | None, connection: sa.Connection) -> StoredVersion:
        # Decided again inside the transaction: a provider suspended since the first decision numbers nothing.
        services, target = self.services, self.draft.target
        again = rule_within(connection, services, self.session, self.intent, target)
        if not again.permit:
            raise refuse(again)
        _verify_expected(connection, self.draft.target, self.draft.expected)
        if sealed is None:
            stored = _unchanged(connection, self.draft, newest)
        else:
            log = records_log(connection, again.dataset)
            now = again.answers[0].query.at
            stored = writes.append_version(connection, services.instance, log, sealed, now)
        if self.afterwards is not None:
            self.afterwards(connection, stored)
        return stored


def _unchanged(connection: sa.Connection, draft: Draft, newest: int) -> StoredVersion:
    found = records.find_version(connection, draft.target.dataset, draft.target.record)
    if found is None or found.version != newest:
        raise StaleVersionError("the record was written in between")
    return found


def _verify_expected(connection: sa.Connection, target: Target, expected: int | None) -> None:
    if expected is None:
        return
    found = records.find_version(connection, target.dataset, target.record)
    newest = 0 if found is None else found.version
    if newest != expected:
        raise StaleVersionError(f"the record's newest version is {newest}, not {expected}")


Within = Callable[[sa.Connection, Sequence[StoredVersion]], None]
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
    services: Services,
    session: Session,
    intent: Intent,
    dataset: Dataset,
    sealed: Sequence[SealedRecord],
    within: Within,
) -> list[StoredVersion]:
    """Returns once every row is durable and numbered, together with what ``within`` wrote. All or none.

    The decision is one for all: the rules never hide a record from the provider that writes it.

    Raises:
        DeniedError: the rules deny by now.
        StaleVersionError: another write took a version number; compare and seal again.
        UnavailableError, StorageFullError: nothing was written.
    """

    def work(connection: sa.Connection) -> list[StoredVersion]:
        again = rule_within(connection, services, session, intent, Target(dataset.dataset))
        if not again.permit:
            raise refuse(again)
        now = again.answers[0].query.at
        log = records_log(connection, dataset)
        stored = writes.append_versions(connection, services.instance, log, sealed, now)
        within(connection, stored)
        return stored

    try:
        return services.journal.run(work)
    except BaseException as failure:
        discard_after(services, keys_in(part for one in sealed for part in one.parts), failure)
        raise
