"""Records of any profile as CSV: columns are named by the path of the member that they hold.

``id``, ``act``, ``subject`` (a pseudonym) or ``subject.system`` and ``subject.value``; all others begin with
a part: ``title.uid``, ``title.area.value``, ``rights.0.share.numerator``. The profile's published schema
determines whether a cell is text, a number or a boolean; an empty cell omits its member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from cityledger.errors import FieldError, FormatError, MalformedJsonError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Identifier, RejectedRow, Row, row_or_reason
from cityledger.formats.schema_paths import cell_kinds
from cityledger.formats.table import SKIP, read_named_table
from cityledger.profiles import registry
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.profiles.record_body import read_subject
from cityledger.strict_json import parse
from cityledger.types import SubjectId

_ABOUT_THE_ROW = ("id", "act", "subject", "subject.system", "subject.value")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BOOLEANS = frozenset({"true", "false"})

_Step = str | int


@dataclass(frozen=True, slots=True)
class _Column:
    """``kinds`` are the JSON types that the schema allows at the path."""

    name: str
    path: tuple[_Step, ...]
    kinds: frozenset[str]


def read_csv(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    """
    Raises:
        FormatError: no column ``id``, or a column without a member in the profile; names it.
    """
    columns: dict[str, _Column] = {}

    def verify(names: tuple[str, ...]) -> None:
        columns.update(_columns(names, options))

    for item in read_named_table(stream, options.columns, verify, options.skip_columns):
        if isinstance(item, RejectedRow):
            yield item
            continue
        row_no, cells = item
        yield row_or_reason(row_no, partial(_row, row_no, cells, columns))


def _columns(names: tuple[str, ...], options: ImportOptions) -> dict[str, _Column]:
    if "id" not in names:
        raise FormatError("header", "missing column 'id'")
    if ("subject.system" in names) != ("subject.value" in names):
        raise FormatError("header", "subject.system and subject.value are required together")
    schema = registry.get(options.profile or "").schema
    found = {name: _column(name, schema) for name in names if name not in _ABOUT_THE_ROW}
    unknown = [name[:64] for name, column in found.items() if not column.kinds]
    if unknown:
        shown = ", ".join(repr(name) for name in unknown[:12])
        raise FormatError("header", f"unknown column {shown}: the profile has no such member; {SKIP}")
    return found


def _column(name: str, schema: Mapping[str, object]) -> _Column:
    path = tuple(int(step) if _INDEX.fullmatch(step) else step for step in name.split("."))
    return _Column(name, path, cell_kinds(schema, path))


def _row(row_no: int, cells: Mapping[str, str], columns: Mapping[str, _Column]) -> Row:
    provider_id, act = cells["id"], _act(cells.get("act", ""))
    verify_provider_id(provider_id)
    tree: dict[_Step, object] = {}
    for name, column in columns.items():
        if cells[name]:
            _place(tree, column, _encoded(cells[name], column))
    if tree and act is Act.DELETE:
        raise FieldError("act", "a deletion has no parts: leave their cells empty")
    parts = {str(name): _json(value, str(name)) for name, value in tree.items()}
    return Row(row_no, provider_id, parts, act, _subjects(cells))


def _act(text: str) -> Act:
    try:
        return Act(text or "put")
    except ValueError:
        raise FieldError("act", f"must be {', '.join(Act)}, or empty for put") from None


def _subjects(cells: Mapping[str, str]) -> tuple[SubjectId | Identifier, ...]:
    found: list[SubjectId | Identifier] = []
    if cells.get("subject"):
        found.append(read_subject(cells["subject"], "subject"))
    system, value = cells.get("subject.system", ""), cells.get("subject.value", "")
    if bool(system) != bool(value):
        raise FieldError("subject.value", "subject.system and subject.value are given together or not at all")
    if system:
        found.append(Identifier(system, value))
    return tuple(found)


def _encoded(cell: str, column: _Column) -> bytes:
    """The cell as JSON; a number keeps its digits: 6.10 stays 6.10."""
    if "number" in column.kinds and _NUMBER.fullmatch(cell):
        return _number(cell, column)
    if "integer" in column.kinds and _INTEGER.fullmatch(cell):
        return _number(cell, column)
    if "boolean" in column.kinds and cell in _BOOLEANS:
        return cell.encode()
    if "string" in column.kinds:
        return json.dumps(cell, ensure_ascii=False).encode()
    raise FieldError(column.name, f"must be {' or '.join(sorted(column.kinds))}, as JSON writes it")


def _number(cell: str, column: _Column) -> bytes:
    """
    Raises:
        FieldError: JSON readers disagree on its value; names the column.
    """
    try:
        parse(cell.encode(), max_bytes=len(cell))
    except MalformedJsonError as error:
        raise FieldError(column.name, error.reason) from None
    return cell.encode()


def _place(tree: dict[_Step, object], column: _Column, value: bytes) -> None:
    *above, last = column.path
    node = tree
    for step in above:
        inner = node.setdefault(step, {})
        if not isinstance(inner, dict):
            raise FieldError(column.name, "another column holds a value in the path of this one")
        node = inner
    if last in node:
        raise FieldError(column.name, "another column is below this one, which holds a value")
    node[last] = value


def _json(value: object, path: str) -> bytes:
    if isinstance(value, bytes):
        return value
    assert isinstance(value, dict)
    if all(isinstance(step, int) for step in value):
        if sorted(value) != list(range(len(value))):
            raise FieldError(path, "an item is empty before one that is not")
        return b"[" + b",".join(_json(value[index], f"{path}.{index}") for index in sorted(value)) + b"]"
    members = [f"{json.dumps(str(step))}:".encode() + _json(value[step], f"{path}.{step}") for step in value]
    return b"{" + b",".join(members) + b"}"
