"""Imports as they are stored: jobs with their cursor, and the rows that a person should check.

A job's cursor, its tallies and the records of a chunk change in one transaction, so a job that is cut off
anywhere resumes where it was. States::

    waiting → running → done
       ↑         ↓
       └────── stopped      by the sender, who sends the file again

Options, caller, failure and the fields of rows are sealed notes: they may name records and persons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.store import dataset_writes
from cityledger.store.engine import purging
from cityledger.store.tables import import_job, import_row
from cityledger.types import AgencyId, DatasetId


class JobState(IntEnum):
    WAITING = 1
    RUNNING = 2
    DONE = 3
    STOPPED = 4


class Verdict(IntEnum):
    """Reason why a row is listed. Rows that need no attention are only counted."""

    REJECTED = 1
    FLAGGED = 2
    DUPLICATE = 3


@dataclass(frozen=True, slots=True)
class JobKey:
    """The identity of an import. ``content`` is an HMAC of the file's bytes, format and options."""

    agency: AgencyId
    dataset: DatasetId
    content: bytes
    format: str


@dataclass(frozen=True, slots=True)
class Spooled:
    """The sealed file in the object store, and its data key, wrapped for the agency."""

    object: str
    wrapped: bytes
    content_bytes: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """A received file. ``options`` and ``caller`` are sealed notes; ``now`` is Unix seconds."""

    id: str
    key: JobKey
    spooled: Spooled
    options: bytes
    caller: bytes
    now: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Progress of a job. ``rows`` counts what the format yielded; ``tallies`` is JSON. ``writes`` are
    those of the dataset (``dataset_writes``) after its last row, None if others wrote between its rows.
    """

    rows: int
    bytes: int
    tallies: str
    writes: int | None


@dataclass(frozen=True, slots=True)
class Job:
    """An import. ``spooled`` is None once the file is not needed; ``sealed_caller`` is the caller and the
    reason, None once the job has ended. ``arrival`` orders jobs by their arrival. ``repeat_of`` is the id of
    the import that it repeats; it is then done from the beginning, and has no rows.
    """

    id: str
    arrival: int
    key: JobKey
    spooled: Spooled | None
    content_bytes: int
    state: JobState
    sealed_options: bytes
    sealed_failure: bytes | None
    sealed_caller: bytes | None
    cursor: Cursor
    created_at: int
    finished_at: int | None
    repeat_of: str | None


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row with a verdict. ``ordinal`` distinguishes several verdicts on one row."""

    row_no: int
    ordinal: int
    verdict: Verdict
    field: str
    reason: str


def add_job(connection: sa.Connection, new: NewJob) -> None:
    """Stores a new job, which waits for its turn."""
    waiting = {"object": new.spooled.object, "wrapped": new.spooled.wrapped, "caller": new.caller}
    _insert(connection, new, state=int(JobState.WAITING), finished_at=None, **waiting)


def add_repeat(connection: sa.Connection, new: NewJob, earlier: Job) -> None:
    """Stores a job that is done without a row: the dataset is as ``earlier`` left it."""
    done = {"state": int(JobState.DONE), "finished_at": new.now, "writes": earlier.cursor.writes}
    _insert(connection, new, repeat_of=earlier.repeat_of or earlier.id, **done)


def find_job(connection: sa.Connection, id_: str) -> Job | None:
    row = connection.execute(sa.select(import_job).where(import_job.c.id == id_)).one_or_none()
    return None if row is None else _job(row)


def first_received(connection: sa.Connection, key: JobKey) -> int:
    """Unix seconds when the first job of this file, format and options was made; there must be one."""
    first = sa.select(sa.func.min(import_job.c.created_at)).where(_is_same(key))
    return int(connection.execute(first).scalar_one())


def _is_same(key: JobKey) -> sa.ColumnElement[bool]:
    return (
        (import_job.c.agency == key.agency)
        & (import_job.c.dataset == key.dataset)
        & (import_job.c.content == key.content)
    )


def find_newest_of(connection: sa.Connection, key: JobKey) -> Job | None:
    """The newest job of this file, format and options; None if it was never sent."""
    newest = sa.select(import_job).where(_is_same(key)).order_by(import_job.c.arrival.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else _job(row)


def list_jobs(connection: sa.Connection, agency: AgencyId, before: Job | None, limit: int) -> list[Job]:
    """The newest jobs of an agency, or of those that arrived before ``before``; newest first."""
    query = sa.select(import_job).where(import_job.c.agency == agency)
    if before is not None:
        query = query.where(import_job.c.arrival < before.arrival)
    newest_first = query.order_by(import_job.c.arrival.desc()).limit(limit)
    return [_job(row) for row in connection.execute(newest_first)]


def list_unfinished(connection: sa.Connection) -> list[Job]:
    """Jobs that wait or run, in the order of arrival."""
    open_states = (int(JobState.WAITING), int(JobState.RUNNING))
    query = sa.select(import_job).where(import_job.c.state.in_(open_states))
    return [_job(row) for row in connection.execute(query.order_by(import_job.c.arrival))]


def list_objects(connection: sa.Connection) -> set[str]:
    """Keys of the object store that jobs still need."""
    query = sa.select(import_job.c.object).where(import_job.c.object.is_not(None))
    return set(connection.execute(query).scalars())


def restart(connection: sa.Connection, id_: str, spooled: Spooled, caller: bytes) -> None:
    """Resumes a stopped job with the file and the caller of the new request."""
    _update(
        connection,
        id_,
        object=spooled.object,
        wrapped=spooled.wrapped,
        state=int(JobState.WAITING),
        failure=None,
        caller=caller,
        finished_at=None,
    )


def begin(connection: sa.Connection, job: Job) -> None:
    """Marks a job as running. Before its first row the dataset's writes are those of others."""
    _update(connection, job.id, state=int(JobState.RUNNING))
    if job.cursor.rows == 0:
        _update(connection, job.id, writes=dataset_writes.count_of(connection, job.key.dataset))


def advance(
    connection: sa.Connection,
    id_: str,
    known: Cursor,
    cursor: Cursor,
    rows: Sequence[ListedRow],
    seal: Callable[[str], bytes],
) -> None:
    """Advances the cursor from ``known``, and lists the rows of the chunk that have a verdict.

    Raises:
        UnavailableError: another process has moved it.
    """
    here = (import_job.c.id == id_) & (import_job.c.rows_done == known.rows)
    values: dict[str, object] = {"rows_done": cursor.rows, "bytes_done": cursor.bytes}
    values |= {"tallies": cursor.tallies, "writes": cursor.writes}
    if connection.execute(import_job.update().where(here).values(values)).rowcount == 0:
        raise UnavailableError("another process has resumed this import")
    if rows:
        connection.execute(import_row.insert(), [_row_values(id_, row, seal) for row in rows])


def rewind(connection: sa.Connection, id_: str) -> None:
    """Restarts at the first row with empty tallies: a dry run stores nothing between two starts."""
    connection.execute(import_row.delete().where(import_row.c.job == id_))
    _update(connection, id_, rows_done=0, bytes_done=0, tallies="{}")


def finish(connection: sa.Connection, id_: str, failure: bytes | None, now: int) -> None:
    """Ends a job: done, or stopped for the reason ``failure``. Deletes file and caller, no longer needed."""
    state = JobState.DONE if failure is None else JobState.STOPPED
    purging.mark(connection, now)
    _update(
        connection,
        id_,
        state=int(state),
        failure=failure,
        finished_at=now,
        object=None,
        wrapped=None,
        caller=None,
    )


def list_rows(
    connection: sa.Connection,
    id_: str,
    verdict: Verdict,
    after: tuple[int, int],
    limit: int,
    open_: Callable[[bytes], str],
) -> list[ListedRow]:
    """Rows with a verdict after ``(row_no, ordinal)``, in the order of the file."""
    t = import_row.c
    behind = (t.row_no > after[0]) | ((t.row_no == after[0]) & (t.ordinal > after[1]))
    wanted = (t.job == id_) & (t.verdict == int(verdict)) & behind
    query = sa.select(import_row).where(wanted).order_by(t.row_no, t.ordinal).limit(limit)
    return [
        ListedRow(row.row_no, row.ordinal, Verdict(row.verdict), open_(row.field), row.reason)
        for row in connection.execute(query)
    ]


def numbered(row_no: int, verdicts: Iterable[tuple[Verdict, str, str]]) -> list[ListedRow]:
    """Verdicts ``(verdict, field, reason)`` on one row, in their order."""
    return [ListedRow(row_no, ordinal, *verdict) for ordinal, verdict in enumerate(verdicts)]


def _update(connection: sa.Connection, id_: str, **values: object) -> None:
    connection.execute(import_job.update().where(import_job.c.id == id_).values(**values))


def _insert(connection: sa.Connection, new: NewJob, **more: object) -> None:
    last = connection.execute(sa.select(sa.func.max(import_job.c.arrival))).scalar()
    nothing = {"rows_done": 0, "bytes_done": 0, "tallies": "{}"}
    connection.execute(
        import_job.insert().values(
            id=new.id,
            arrival=0 if last is None else last + 1,
            agency=new.key.agency,
            dataset=new.key.dataset,
            content=new.key.content,
            format=new.key.format,
            options=new.options,
            content_bytes=new.spooled.content_bytes,
            created_at=new.now,
            **nothing,
            **more,
        )
    )


def _row_values(id_: str, row: ListedRow, seal: Callable[[str], bytes]) -> dict[str, object]:
    return {
        "job": id_,
        "row_no": row.row_no,
        "ordinal": row.ordinal,
        "verdict": int(row.verdict),
        "field": seal(row.field),
        "reason": row.reason,
    }


def _job(row: sa.Row[tuple[object, ...]]) -> Job:
    spooled = None if row.object is None else Spooled(row.object, row.wrapped, row.content_bytes)
    return Job(
        id=row.id,
        arrival=row.arrival,
        key=JobKey(AgencyId(row.agency), DatasetId(row.dataset), row.content, row.format),
        spooled=spooled,
        content_bytes=row.content_bytes,
        state=JobState(row.state),
        sealed_options=row.options,
        sealed_failure=row.failure,
        sealed_caller=row.caller,
        cursor=Cursor(row.rows_done, row.bytes_done, row.tallies, row.writes),
        created_at=row.created_at,
        finished_at=row.finished_at,
        repeat_of=row.repeat_of,
    )
