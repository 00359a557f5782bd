"""JSON of imports and of their rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from cityledger.api.http.shapes import EXAMPLE_DATASET, Decimal, Hex32, ResponseModel, hex_of, with_example
from cityledger.exchange.imports.notes import OpenedJob
from cityledger.exchange.imports.outcomes import Outcome, Tallies
from cityledger.exchange.imports.request import options_of
from cityledger.store.imports import ListedRow

STREAMED_TYPES = (
    "application/x-ndjson",
    "text/csv",
    "application/json",
    "application/fhir+json",
    "application/octet-stream",
)
IMPORT_BODY: dict[str, Any] = {
    "required": True,
    "description": "The file, as it is or compressed with gzip",
    "content": {
        name: {"schema": {"type": "string", "format": "binary"}, "example": '{"id": "…", "parts": {…}}'}
        for name in STREAMED_TYPES
    },
}

_COUNTS = {"accepted": 290, "unchanged": 0, "duplicate": 5, "withdrawn": 0, "rejected": 1}
_IMPORT: dict[str, Any] = {
    "id": "5b0c6f8e2a914d6f9d2f1e0a7c3b4d55",
    "dataset": EXAMPLE_DATASET,
    "format": "birmingham-occupancy",
    "options": {"timezone": "Europe/London"},
    "dryRun": False,
    "state": "running",
    "failure": None,
    "bytesDone": "131072",
    "bytesTotal": "901120",
    "rowsDone": 296,
    "outcomes": _COUNTS,
    "reasons": {"there is no such local time": 1},
    "flags": {"over-capacity": 2},
    "createdAt": 1767190000,
    "finishedAt": None,
    "repeatOf": None,
    "note": None,
}

State = Literal["waiting", "running", "done", "stopped"]
Count = Annotated[int, Field(ge=0)]


class ImportView(ResponseModel):
    """``rowsDone`` is the sum of ``outcomes``: each row has exactly one. ``reasons`` counts the rejected
    rows, ``flags`` the oddities of rows that were not rejected. ``failure`` is why an import stopped; the
    same file, sent again, continues where it was. A dry run wrote nothing; nor did a repeat: a file that was
    imported before, sent again while nothing was written to the dataset since. It names that import in
    ``repeatOf``, has no rows, and says so in ``note``."""

    model_config = with_example(ResponseModel, _IMPORT)

    id: str
    dataset: Hex32
    format: str
    options: dict[str, Any]
    dry_run: bool
    state: State
    failure: str | None
    bytes_done: Decimal
    bytes_total: Decimal
    rows_done: Count
    outcomes: dict[str, Count]
    reasons: dict[str, Count]
    flags: dict[str, Count]
    created_at: int
    finished_at: int | None
    repeat_of: str | None
    note: str | None


class Imports(ResponseModel):
    """Newest first. ``next`` is for the query parameter ``after``; null at the end."""

    model_config = with_example(ResponseModel, {"imports": [_IMPORT], "next": None})

    imports: list[ImportView]
    next: str | None


class ImportRow(ResponseModel):
    """``row`` counts from 1: lines, CSV records or entries of the file. ``field`` is a column or path, "" for
    the whole row; ``reason`` is why it was rejected, or the flag."""

    model_config = with_example(
        ResponseModel, {"row": 17, "field": "LastUpdated", "reason": "there is no such local time"}
    )

    row: Count
    field: str
    reason: str


class ImportRows(ResponseModel):
    """``next`` is for the query parameter ``after``; null at the end so far."""

    model_config = with_example(
        ResponseModel,
        {
            "rows": [{"row": 17, "field": "LastUpdated", "reason": "there is no such local time"}],
            "next": None,
        },
    )

    rows: list[ImportRow]
    next: str | None


def import_view(job: OpenedJob) -> ImportView:
    options = options_of(job.request)
    tallies = Tallies.from_json(job.cursor.tallies)
    return ImportView(
        id=job.id,
        dataset=hex_of(job.key.dataset),
        format=job.key.format,
        options={to_camel(name): value for name, value in options.items()},
        dry_run=job.request.dry_run,
        state=_STATES[job.state.name],
        failure=job.failure,
        bytes_done=str(job.cursor.bytes),
        bytes_total=str(job.content_bytes),
        rows_done=job.cursor.rows,
        outcomes={one.value: tallies.outcomes[one.value] for one in Outcome},
        reasons=dict(tallies.reasons),
        flags=dict(tallies.flags),
        created_at=job.created_at,
        finished_at=job.finished_at,
        repeat_of=job.repeat_of,
        note=None if job.repeat_of is None else f"repeat of import {job.repeat_of}: nothing written",
    )


def import_row(row: ListedRow) -> ImportRow:
    return ImportRow(row=row.row_no, field=row.field, reason=row.reason)


_STATES: dict[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "DONE": "done",
    "STOPPED": "stopped",
}
