"""Runs one import, a chunk of rows at a time: check, compare, seal; then rows, cursor and tallies in one
durable step, so that a node that is killed anywhere neither loses nor repeats a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from cityledger.errors import (
    CityledgerError,
    ConflictError,
    InputError,
    NotFoundError,
    SealingError,
    StaleVersionError,
    TooLargeError,
    VaultKeyRotatedError,
    WriteConflictError,
)
from cityledger.exchange.access import Access, Target
from cityledger.exchange.imports.erased import ERASED, ErasedRows, Erasures
from cityledger.exchange.imports.notes import Notes, opened
from cityledger.exchange.imports.outcomes import Outcome, State, Tallies, judge, next_state
from cityledger.exchange.imports.request import caller_from_json
from cityledger.exchange.imports.rows import Candidate, check_row
from cityledger.exchange.imports.spool import PADDING, open_spooled
from cityledger.exchange.imports.states import MAX_REMEMBERED, NewestStates
from cityledger.exchange.imports.subjects import RowSubjects
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import Permit, request_permit, write_permitted
from cityledger.exchange.services import Services
from cityledger.exchange.submit import MAX_ATTEMPTS, RowDraft, RowsInTransaction, seal_rows, submit_rows
from cityledger.formats import registry as formats
from cityledger.formats.rows import Act, RejectedRow, Row, failed_row
from cityledger.profiles import registry as profiles
from cityledger.sealing.padding import padded_bytes
from cityledger.store import dataset_writes, imports
from cityledger.store.imports import Cursor, Job, ListedRow, Verdict
from cityledger.types import RecordId, SubjectId

CHUNK_ROWS = 256
CHUNK_BYTES = 4_194_304
"""Of payload; a chunk ends with the row that reaches it."""
DRY_RUN_RECORDS = 500_000
"""Limit of a dry run, in some 350 MB: it stores nothing, and must not fill the node's memory."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """The outcome of a chunk: versions to write, rows to list, tallies and states after it."""

    drafts: list[RowDraft]
    listed: list[ListedRow]
    tallies: Tallies
    states: dict[RecordId, State]
    erasures: Erasures

    @property
    def subjects(self) -> set[SubjectId]:
        return {subject for draft in self.drafts for subject in draft.content.subjects}


class ImportRun:
    """An import that is under way in this process. Call ``step`` until it returns that nothing is left.

    A run that raised is dropped; another one resumes from the stored cursor.
    """

    def __init__(self, services: Services, job: Job) -> None:
        """
        Raises:
            DeniedError: the caller may no longer write; a receipt says so.
            SealingError, UnavailableError: the file cannot be opened, or not now.
        """
        self._services, self.job = services, job
        self._notes = Notes(services, job.key.agency, job.key.dataset)
        self._permit = self._request_permit()
        self._request = opened(services, job).request
        self._dataset = self._permit.dataset
        self._profile = profiles.get(self._dataset.profile)
        self._record_key = services.keys_of(self._dataset.provider).record_key(job.key.dataset)
        limit = None if self._request.dry_run else MAX_REMEMBERED  # a dry run stores nothing to load again
        self._states = NewestStates(services, self._dataset, limit)
        self._subjects = RowSubjects(services, self._dataset.provider)
        self._failure: InputError | SealingError | None = None
        self._bytes_read = 0
        self._cursor = services.journal.run(self._begin)
        with services.database.reading() as connection:
            self._erased = ErasedRows.of(connection, job)
        self._tallies = Tallies.from_json(self._cursor.tallies)
        self._items = itertools.islice(self._read(), self._cursor.rows, None)

    def step(self) -> bool:
        """Imports the next chunk; returns whether there may be another.

        Raises:
            DeniedError: the rules deny by now.
            FormatError, SealingError: the file cannot be read on; what came before is written.
            UnavailableError: not now; nothing of the chunk was written.
        """
        chunk = list(self._next_chunk())
        if chunk:
            self._import(chunk)
        if self._failure is not None:
            raise self._failure
        return bool(chunk)

    def _begin(self, connection: sa.Connection) -> Cursor:
        if self._request.dry_run:  # its states were in the memory of another run
            imports.rewind(connection, self.job.id)
        found = self._stored(connection)
        imports.begin(connection, found)
        return self._stored(connection).cursor

    def _stored(self, connection: sa.Connection) -> Job:
        found = imports.find_job(connection, self.job.id)
        if found is None:
            raise NotFoundError("import")
        return found

    def _read(self) -> Iterator[Row | RejectedRow]:
        key, spooled = self.job.key, self.job.spooled
        if spooled is None:
            raise ConflictError("the file is no longer stored; send it again")
        stream = open_spooled(self._services, key.agency, key.dataset, spooled, self._count)
        options = replace(self._request.options, profile=self._dataset.profile)
        yield from formats.get(key.format).read(stream, options)

    def _count(self, more: int) -> None:
        self._bytes_read += more

    def _next_chunk(self) -> Iterator[Row | RejectedRow]:
        taken = size = 0
        while taken < CHUNK_ROWS and size < CHUNK_BYTES:
            try:
                item = next(self._items, None)
            except (InputError, SealingError) as error:
                self._failure = error  # raised once what came before it is written
                return
            if item is None:
                return
            taken += 1
            size += sum(map(len, item.parts.values())) if isinstance(item, Row) else 0
            yield item

    def _import(self, chunk: Sequence[Row | RejectedRow]) -> None:
        """Imports the chunk in one step; where the program fails, row by row, rejecting only the rows that
        fail.

        Raises: as ``step``.
        """
        try:
            self._import_together(chunk)
        except CityledgerError:
            raise
        except Exception as error:
            if len(chunk) == 1:
                return self._import_together([failed_row(chunk[0].row_no, error)])
            for item in chunk:
                self._import([item])

    def _import_together(self, chunk: Sequence[Row | RejectedRow]) -> None:
        checked = [check_row(self._dataset, self._record_key, item) for item in chunk]
        for _ in range(MAX_ATTEMPTS):
            judged = self._judge(checked)
            try:
                return self._store(judged, len(chunk))
            except VaultKeyRotatedError:
                self._services.follow_rotation(self._dataset.provider)
            except StaleVersionError:  # another write of one of these records, or of one of the subjects
                self._states.forget()
                self._subjects.forget()
        raise WriteConflictError("too many concurrent writes to these records; try again")

    def _judge(self, checked: Sequence[Candidate | RejectedRow]) -> _Judged:
        candidates = [one for one in checked if isinstance(one, Candidate)]
        self._subjects.learn(named for one in candidates for named in one.row.subjects)
        records = {one.record for one in candidates}
        with self._services.database.reading() as connection:
            erasures = self._erased.load(connection, records)
        judged = _Judged([], [], self._tallies.copy(), self._states.of(records), erasures)
        for one in checked:
            if isinstance(one, RejectedRow):
                _reject(judged, one)
            else:
                self._judge_row(judged, one)
        return judged

    def _judge_row(self, judged: _Judged, one: Candidate) -> None:
        row, newest = one.row, judged.states[one.record]
        if row.act is not Act.DELETE and self._erased.forbid(judged.erasures, one.record, newest.version):
            _reject(judged, RejectedRow(row.row_no, "", ERASED))
            return
        content = Content(self._subjects.of(row.subjects), row.parts)
        if row.act is Act.DELETE:
            content = Content(newest.subjects, {}, withdraws=True)
        outcome, reason = judge(self._profile, newest, row.act, content, upsert=self._request.options.upsert)
        if outcome is Outcome.REJECTED:
            _reject(judged, RejectedRow(row.row_no, "", reason))
            return
        if outcome in (Outcome.ACCEPTED, Outcome.WITHDRAWN):
            judged.drafts.append(RowDraft(one.record, newest.version + 1, content))
            judged.states[one.record] = next_state(self._profile, newest, content)
        flags = (*row.flags, reason) if reason else row.flags
        judged.tallies.count(outcome, flags=flags)
        verdicts = [(Verdict.FLAGGED, "", flag) for flag in flags]
        if outcome is Outcome.DUPLICATE:
            verdicts.append((Verdict.DUPLICATE, "", "says the same as the newest state that is there"))
        judged.listed.extend(imports.numbered(row.row_no, verdicts))

    def _store(self, judged: _Judged, taken: int) -> None:
        fresh = {} if self._request.dry_run else self._subjects.fresh_among(judged.subjects)
        cursor = Cursor(
            self._cursor.rows + taken,
            max(padded_bytes(self._bytes_read, PADDING), self._cursor.bytes),
            judged.tallies.to_json(),
            self._cursor.writes,
        )

        def within(connection: sa.Connection, stored: Sequence[object] = ()) -> None:
            nonlocal cursor
            self._verify_none_erased(connection, judged)
            cursor = replace(cursor, writes=self._writes_after(connection, len(stored)))
            self._subjects.add(connection, fresh)
            imports.advance(connection, self.job.id, self._cursor, cursor, judged.listed, self._notes.seal)

        if self._request.dry_run:
            write_permitted(self._services, self._permit, lambda connection, _ruling: within(connection))
        else:
            self._submit(judged.drafts, within)
        self._cursor, self._tallies = cursor, judged.tallies
        self._subjects.stored(fresh)
        self._states.remember(judged.states)
        self._states.trim()
        if self._request.dry_run and len(self._states) > DRY_RUN_RECORDS:
            raise TooLargeError("", f"a dry run takes {DRY_RUN_RECORDS} records; try the rest apart")

    def _verify_none_erased(self, connection: sa.Connection, judged: _Judged) -> None:
        """
        Raises:
            StaleVersionError: a record that is to be written was erased after it was judged.
        """
        written = {draft.record for draft in judged.drafts}
        now = self._erased.load(connection, written)
        if any(now.get(record) != judged.erasures.get(record) for record in written):
            raise StaleVersionError("a record was erased concurrently")

    def _writes_after(self, connection: sa.Connection, own: int) -> int | None:
        """The dataset's writes, None once others have written between the rows of this import."""
        known, now = self._cursor.writes, dataset_writes.count_of(connection, self.job.key.dataset)
        return now if known is not None and known + own == now else None

    def _submit(self, drafts: Sequence[RowDraft], within: RowsInTransaction) -> None:
        sealed = seal_rows(self._services, self._dataset, drafts)
        submit_rows(self._services, self._permit, sealed, within)

    def _request_permit(self) -> Permit:
        """Decides whether the caller may still write; each chunk is decided again when it is stored."""
        session, intent = caller_from_json(self._notes.open(self.job.sealed_caller or b""))
        return request_permit(self._services, Access(session, intent, Target(self.job.key.dataset)))


def _reject(judged: _Judged, row: RejectedRow) -> None:
    judged.tallies.count(Outcome.REJECTED, reason=row.reason)
    judged.listed.extend(imports.numbered(row.row_no, [(Verdict.REJECTED, row.field, row.reason)]))
