"""Imports as they are stored: jobs with their cursor, and the rows that somebody should look at.

A job's cursor, its tallies and the records of a chunk change in one transaction, so a job that is cut off
anywhere goes on where it was. States::

    waiting → running → done
       ↑         ↓
       └────── stopped      by the sender, who sends the file again
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.store.tables import import_job, import_row
from cityledger.types import AgencyId, DatasetId


class JobState(IntEnum):
    WAITING = 1
    RUNNING = 2
    DONE = 3
    STOPPED = 4


class Verdict(IntEnum):
    """Why a row is listed. Rows that nobody need look at are only counted."""

    REJECTED = 1
    FLAGGED = 2
    DUPLICATE = 3


@dataclass(frozen=True, slots=True)
class JobKey:
    """What makes two imports one. ``content`` stands for the file's bytes, ``options`` is canonical JSON."""

    agency: AgencyId
    dataset: DatasetId
    content: bytes
    format: str
    options: str


@dataclass(frozen=True, slots=True)
class Spooled:
    """The sealed file in the object store, and its data key, wrapped for the agency."""

    object: str
    wrapped: bytes
    content_bytes: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a job has come. ``rows`` counts what the format yielded; ``tallies`` is JSON."""

    rows: int
    bytes: int
    tallies: str


@dataclass(frozen=True, slots=True)
class Job:
    """An import. ``spooled`` is None once the file is not needed; ``caller`` is JSON: who asked,
    and why; empty once the job has ended.
    """

    id: str
    key: JobKey
    spooled: Spooled | None
    content_bytes: int
    state: JobState
    failure: str | None
    caller: str
    cursor: Cursor
    created_at: int
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row with a verdict. ``ordinal`` tells several verdicts on one row apart."""

    row_no: int
    ordinal: int
    verdict: Verdict
    field: str
    reason: str


def add_job(
    connection: sa.Connection, id_: str, key: JobKey, spooled: Spooled, caller: str, now: int
) -> None:
    """A new job, which waits for its turn."""
    connection.execute(
        import_job.insert().values(
            id=id_,
            agency=key.agency,
            dataset=key.dataset,
            content=key.content,
            format=key.format,
            options=key.options,
            object=spooled.object,
            wrapped=spooled.wrapped,
            content_bytes=spooled.content_bytes,
            state=int(JobState.WAITING),
            failure=None,
            caller=caller,
            rows_done=0,
            bytes_done=0,
            tallies="{}",
            created_at=now,
            finished_at=None,
        )
    )


def find_job(connection: sa.Connection, id_: str) -> Job | None:
    row = connection.execute(sa.select(import_job).where(import_job.c.id == id_)).one_or_none()
    return None if row is None else _job(row)


def find_job_of(connection: sa.Connection, key: JobKey) -> Job | None:
    """The job that this very import is, if it was ever asked for."""
    same = (
        (import_job.c.agency == key.agency)
        & (import_job.c.dataset == key.dataset)
        & (import_job.c.content == key.content)
        & (import_job.c.format == key.format)
        & (import_job.c.options == key.options)
    )
    row = connection.execute(sa.select(import_job).where(same)).one_or_none()
    return None if row is None else _job(row)


def list_jobs(connection: sa.Connection, agency: AgencyId, limit: int) -> list[Job]:
    """The newest jobs of an agency, newest first."""
    query = sa.select(import_job).where(import_job.c.agency == agency)
    newest_first = query.order_by(import_job.c.created_at.desc(), import_job.c.id).limit(limit)
    return [_job(row) for row in connection.execute(newest_first)]


def list_unfinished(connection: sa.Connection) -> list[Job]:
    """Jobs that wait or run, oldest first."""
    open_states = (int(JobState.WAITING), int(JobState.RUNNING))
    query = sa.select(import_job).where(import_job.c.state.in_(open_states))
    return [_job(row) for row in connection.execute(query.order_by(import_job.c.created_at, import_job.c.id))]


def list_objects(connection: sa.Connection) -> set[str]:
    """Keys of the object store that jobs still need."""
    query = sa.select(import_job.c.object).where(import_job.c.object.is_not(None))
    return set(connection.execute(query).scalars())


def restart(connection: sa.Connection, id_: str, spooled: Spooled, caller: str) -> None:
    """Lets a stopped job go on with the file and for the caller that came now."""
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


def begin(connection: sa.Connection, id_: str) -> None:
    _update(connection, id_, state=int(JobState.RUNNING))


def advance(
    connection: sa.Connection, id_: str, known: Cursor, cursor: Cursor, rows: Sequence[ListedRow]
) -> None:
    """Moves the cursor on from ``known``, and lists the rows of the chunk that have a verdict.

    Raises:
        UnavailableError: another process has moved it.
    """
    here = (import_job.c.id == id_) & (import_job.c.rows_done == known.rows)
    values = {"rows_done": cursor.rows, "bytes_done": cursor.bytes, "tallies": cursor.tallies}
    if connection.execute(import_job.update().where(here).values(values)).rowcount == 0:
        raise UnavailableError("another process has gone on with this import")
    if rows:
        connection.execute(import_row.insert(), [_row_values(id_, row) for row in rows])


def rewind(connection: sa.Connection, id_: str) -> None:
    """Back to the first row, with nothing tallied: for a dry run, which keeps nothing between two starts."""
    connection.execute(import_row.delete().where(import_row.c.job == id_))
    _update(connection, id_, rows_done=0, bytes_done=0, tallies="{}")


def finish(connection: sa.Connection, id_: str, failure: str | None, now: int) -> None:
    """Done, or stopped for the reason ``failure``. The file is not needed any more, nor is the caller, whose
    case stands nowhere else in plain."""
    state = JobState.DONE if failure is None else JobState.STOPPED
    _update(
        connection,
        id_,
        state=int(state),
        failure=failure,
        finished_at=now,
        object=None,
        wrapped=None,
        caller="{}",
    )


def list_rows(
    connection: sa.Connection, id_: str, verdict: Verdict, after: tuple[int, int], limit: int
) -> list[ListedRow]:
    """Rows with a verdict behind the place ``(row_no, ordinal)``, in the order of the file."""
    t = import_row.c
    behind = (t.row_no > after[0]) | ((t.row_no == after[0]) & (t.ordinal > after[1]))
    wanted = (t.job == id_) & (t.verdict == int(verdict)) & behind
    query = sa.select(import_row).where(wanted).order_by(t.row_no, t.ordinal).limit(limit)
    return [
        ListedRow(row.row_no, row.ordinal, Verdict(row.verdict), row.field, row.reason)
        for row in connection.execute(query)
    ]


def numbered(row_no: int, verdicts: Iterable[tuple[Verdict, str, str]]) -> list[ListedRow]:
    """Verdicts ``(verdict, field, reason)`` on one row, in their order."""
    return [ListedRow(row_no, ordinal, *verdict) for ordinal, verdict in enumerate(verdicts)]


def _update(connection: sa.Connection, id_: str, **values: object) -> None:
    connection.execute(import_job.update().where(import_job.c.id == id_).values(**values))


def _row_values(id_: str, row: ListedRow) -> dict[str, object]:
    return {
        "job": id_,
        "row_no": row.row_no,
        "ordinal": row.ordinal,
        "verdict": int(row.verdict),
        "field": row.field,
        "reason": row.reason,
    }


def _job(row: sa.Row[tuple[object, ...]]) -> Job:
    spooled = None if row.object is None else Spooled(row.object, row.wrapped, row.content_bytes)
    return Job(
        id=row.id,
        key=JobKey(AgencyId(row.agency), DatasetId(row.dataset), row.content, row.format, row.options),
        spooled=spooled,
        content_bytes=row.content_bytes,
        state=JobState(row.state),
        failure=row.failure,
        caller=row.caller,
        cursor=Cursor(row.rows_done, row.bytes_done, row.tallies),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
