"""JSON forms of calls about imports: the parameters of a file, and the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cityledger.formats.options import ImportOptions
from cityledger.proofs.leaves import json_name
from cityledger.types import DatasetId

SENT = "application/octet-stream"
"""The media type of every file; the format is what counts."""
FINISHED = frozenset({"done", "stopped"})


@dataclass(frozen=True, slots=True)
class Import:
    """The present state of an import. ``outcomes`` counts each row once: accepted, unchanged, duplicate,
    withdrawn or rejected; ``reasons`` counts the rejected rows, ``flags`` the oddities of the others.
    ``state`` is waiting, running, done, or stopped for the reason ``failure``. A dry run wrote nothing. A
    repeat wrote nothing either, and has no rows: ``repeat_of`` is the import that it repeats, ``note`` says
    so in words."""

    id: str
    dataset: DatasetId
    format: str
    options: Mapping[str, Any]
    dry_run: bool
    state: str
    failure: str | None
    bytes_done: int
    bytes_total: int
    rows_done: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    flags: Mapping[str, int]
    created_at: int
    finished_at: int | None
    repeat_of: str | None
    note: str | None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row that was rejected, flagged or dropped. ``row`` counts from 1; ``field`` is "" for the whole
    row."""

    row: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportList:
    imports: tuple[Import, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ImportRowsPage:
    rows: tuple[ImportRow, ...]
    next: str | None


def import_params(format_: str, options: ImportOptions, *, dry_run: bool) -> dict[str, str]:
    """The query of an import; options that were not given are omitted."""
    nothing = ImportOptions()
    params = {"format": format_}
    for one in fields(options):
        value = getattr(options, one.name)
        if value != getattr(nothing, one.name):
            params[json_name(one.name)] = _text(value)
    return {**params, "dryRun": "true"} if dry_run else params


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(dict(value), ensure_ascii=False) if isinstance(value, Mapping) else str(value)
