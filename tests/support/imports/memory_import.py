"""An import in memory, for counting what a file's rows would do: newest parts by provider id, no more."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles.parking import PARKING
from cityledger.profiles.parking_sameness import instant_of, is_same


@dataclass
class Outcome:
    """What the rows of a file did. ``older`` rows lie before the newest state of their place."""

    accepted: int = 0
    duplicates: int = 0
    older: int = 0
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    newest: dict[str, dict[str, bytes]] = field(default_factory=dict)


def read_rows(
    format_name: str, source: Path | bytes, options: ImportOptions | None = None
) -> list[Row | RejectedRow]:
    data = source.read_bytes() if isinstance(source, Path) else source
    return list(registry.get(format_name).read(io.BytesIO(data), options or ImportOptions()))


def one_row(format_name: str, source: bytes, options: ImportOptions | None = None) -> Row:
    (row,) = read_rows(format_name, source, options)
    assert isinstance(row, Row), row
    return row


def one_refusal(format_name: str, source: bytes, options: ImportOptions | None = None) -> tuple[str, str]:
    """Field and reason of the only row, which is refused."""
    (row,) = read_rows(format_name, source, options)
    assert isinstance(row, RejectedRow), row
    return row.field, row.reason


def apply(rows: Iterable[Row | RejectedRow]) -> Outcome:
    """Each row validated against the parking profile, then written unless it is known or too old."""
    outcome = Outcome()
    for row in rows:
        if isinstance(row, RejectedRow):
            outcome.rejected[row.field, row.reason] += 1
            continue
        PARKING.validate(row.parts)
        outcome.flags.update(row.flags)
        _write(row, outcome)
    return outcome


def _write(row: Row, outcome: Outcome) -> None:
    parts, known = dict(row.parts), outcome.newest.get(row.provider_id)
    if known is not None and is_same(known, parts):
        outcome.duplicates += 1
    elif known is not None and _is_older(parts, known):
        outcome.older += 1
    else:
        outcome.newest[row.provider_id] = parts
        outcome.accepted += 1


def _is_older(parts: dict[str, bytes], known: dict[str, bytes]) -> bool:
    new, old = instant_of(parts), instant_of(known)
    return new is not None and old is not None and new < old
