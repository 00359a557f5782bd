"""CSV with a known layout: encoding and columns are checked before the first row, never guessed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from cityledger.errors import FormatError
from cityledger.formats.rows import RejectedRow

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_CELL_CHARACTERS = 131_072
MAX_COLUMNS = 1_000
MAX_ROW_CHARACTERS = 4_194_304
"""A row is held in memory, with an overhead per cell: a gigabyte of commas would be one row."""
_SHOWN = 12
COLUMN_OPTIONS = frozenset({"columns", "skip_columns"})
"""Options of each format whose file names its columns."""
SKIP = "leave a column out with skipColumns (--skip-column NAME)"
"""The next step where a column is unknown."""
_RENAME = "if a column only has another name, give it with columns"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a CSV file (RFC 4180), in UTF-8 with or without a byte-order mark.

    ``header_rows`` is 0 if columns are known by their position only; of several header rows the first names
    the columns. ``optional`` columns may be absent, ``required`` ones may not, others are refused.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    header_rows: int = 1


def read_table(
    stream: BinaryIO, layout: Layout, renamed: Mapping[str, str], skipped: Collection[str] = ()
) -> Iterator[tuple[int, dict[str, str]] | RejectedRow]:
    """``(row number, cells by column)``; header rows are not counted and blank lines are skipped.

    ``renamed`` has the file's own names of columns of the layout, ``skipped`` the own names of columns that
    are ignored. Cells are exactly as written.

    Raises:
        FormatError: not UTF-8, not CSV, or the columns are not the layout's; names those missing and unknown.
    """
    rows = _csv_rows(stream)
    columns = layout.required if layout.header_rows == 0 else _columns(rows, layout, renamed, skipped)
    yield from _numbered(rows, columns)


def read_named_table(
    stream: BinaryIO,
    renamed: Mapping[str, str],
    verify: Callable[[tuple[str, ...]], None],
    skipped: Collection[str] = (),
) -> Iterator[tuple[int, dict[str, str]] | RejectedRow]:
    """As ``read_table`` for a table with one header row whose columns ``verify`` accepts or refuses.

    Raises:
        FormatError: not UTF-8, not CSV, no header, or a column twice; and what ``verify`` raises.
    """
    rows = _csv_rows(stream)
    header = next(rows, None)
    if header is None:
        raise FormatError("header", "the file must begin with 1 header row(s)")
    columns = _named(header, renamed, skipped)
    names = _file_names(columns)
    verify(names)  # first: only cells of what is certainly a header may be disclosed
    if twice := _twice(names):
        raise FormatError("header", f"column twice {_listed(twice)}")
    yield from _numbered(rows, columns)


def _numbered(
    rows: Iterator[list[str]], columns: tuple[str | None, ...]
) -> Iterator[tuple[int, dict[str, str]] | RejectedRow]:
    for row_no, cells in enumerate((cells for cells in rows if cells), start=1):
        if len(cells) == len(columns):
            pairs = zip(columns, cells, strict=True)
            yield row_no, {name: cell for name, cell in pairs if name is not None}
        else:
            yield RejectedRow(row_no, "", f"has {len(cells)} cells, the file's columns are {len(columns)}")


def _csv_rows(stream: BinaryIO) -> Iterator[list[str]]:
    text = io.TextIOWrapper(
        io.BufferedReader(_Unclosed(stream)), encoding="utf-8-sig", errors="strict", newline=""
    )
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    try:
        for cells in reader:
            lines.characters = 0
            yield cells
    except UnicodeDecodeError:
        raise FormatError("", f"is not UTF-8 after line {reader.line_num}") from None
    except csv.Error as error:
        raise FormatError("", f"is not CSV at line {reader.line_num}: {error}") from None


def _columns(
    rows: Iterator[list[str]], layout: Layout, renamed: Mapping[str, str], skipped: Collection[str]
) -> tuple[str | None, ...]:
    headers = [next(rows, None) for _ in range(layout.header_rows)]
    first = headers[0]
    if first is None or None in headers:
        raise FormatError("header", f"the file must begin with {layout.header_rows} header row(s)")
    columns = _named(first, renamed, skipped)
    _verify_columns(_file_names(columns), layout)
    return columns


def _named(header: list[str], renamed: Mapping[str, str], skipped: Collection[str]) -> tuple[str | None, ...]:
    """The expected name of each column; None if it is skipped."""
    if len(header) > MAX_COLUMNS:
        raise FormatError("header", f"has {len(header)} columns, at most {MAX_COLUMNS} are read")
    if absent := sorted(own[:64] for own in renamed.values() if own not in header):
        raise FormatError("columns", f"the file has no column {_listed(absent)}")
    _verify_skipped(header, renamed, skipped)
    expected = {own: name for name, own in renamed.items()}
    return tuple(None if cell in skipped else expected.get(cell, cell) for cell in header)


def _verify_skipped(header: list[str], renamed: Mapping[str, str], skipped: Collection[str]) -> None:
    """A name that the file does not have is refused: it may be misspelt, and the intended column would be
    imported."""
    if absent := sorted(own[:64] for own in skipped if own not in header):
        raise FormatError("skipColumns", f"the file has no column {_listed(absent)}")
    if both := sorted(own[:64] for own in skipped if own in renamed.values()):
        raise FormatError("skipColumns", f"columns names these, too: {_listed(both)}")


def _file_names(columns: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(name for name in columns if name is not None)


def _twice(columns: tuple[str, ...]) -> list[str]:
    return sorted(name[:64] for name, times in Counter(columns).items() if times > 1)


def _verify_columns(columns: tuple[str, ...], layout: Layout) -> None:
    missing = [name for name in layout.required if name not in columns]
    if missing and len(missing) == len(layout.required):
        # Then it is a row of data, not a header, and its content must not be disclosed.
        raise FormatError("header", f"has none of the columns {_listed(missing)}; {_RENAME}")
    unknown = [name[:64] for name in columns if name not in layout.required + layout.optional]
    complaints = _complaints(missing, unknown, _twice(columns))
    reasons = [f"{what} {_listed(names)}" for what, names in complaints if names]
    if reasons:
        raise FormatError("header", "; ".join([*reasons, _RENAME, *([SKIP] if unknown else [])]))


def _complaints(
    missing: list[str], unknown: list[str], twice: list[str]
) -> tuple[tuple[str, list[str]], ...]:
    return ("missing column", missing), ("unknown column", unknown), ("column twice", twice)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


class _Lines(Iterator[str]):
    """The lines of a text; ``characters`` counts those read since the last row."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.characters = 0

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        self.characters += len(line)
        if self.characters > MAX_ROW_CHARACTERS:
            raise FormatError("", f"has a row of more than {MAX_ROW_CHARACTERS} characters")
        if not line:
            raise StopIteration
        return line


class _Unclosed(io.RawIOBase):
    """Passes reads through, and leaves the stream open when the text layer above it is discarded."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        chunk = self._stream.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)
