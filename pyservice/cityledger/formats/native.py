"""The project's own formats, for every profile: records as lines of JSON, or as a table of members."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from cityledger.errors import FieldError, TooLargeError
from cityledger.formats.native_csv import read_csv
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Format, Identifier, RejectedRow, Row, row_or_reason
from cityledger.formats.table import COLUMN_OPTIONS
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.profiles.record_body import MAX_SUBJECTS, read_subject
from cityledger.strict_json import Json, parse, raw_members
from cityledger.types import SubjectId

MAX_LINE_BYTES = 16_777_216
_MEMBERS = frozenset({"id", "act", "subjects", "parts"})
_IDENTIFIER = frozenset({"system", "value"})
_MAX_CHARACTERS = 256


def read_ndjson(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    """Reads lines ``{"id": "…", "act": "put", "subjects": […], "parts": {…}}``; blank lines are skipped.

    ``act`` is put (default), add, change or delete; a deletion has no parts. A subject is a pseudonym, or
    ``{"system": "…", "value": "…"}``. Of a line that is too long at most ``MAX_LINE_BYTES`` are held.
    """
    for line_no, data in enumerate(_lines(stream), start=1):
        line = data.removeprefix(codecs.BOM_UTF8) if line_no == 1 else data
        if not line.strip():
            continue
        yield row_or_reason(line_no, partial(_row, line_no, line))


def act_of(text: str) -> Act:
    """
    Raises:
        FieldError: it is not an act.
    """
    try:
        return Act(text)
    except ValueError:
        raise FieldError("act", f"must be {', '.join(Act)}") from None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines without their end; one that is too long is cut, yet long enough to be refused by size."""
    while data := stream.readline(MAX_LINE_BYTES + 2):
        rest = data
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 2)
        yield data.removesuffix(b"\n").removesuffix(b"\r")


def _row(line_no: int, line: bytes) -> Row:
    members = _members(parse(line, max_bytes=MAX_LINE_BYTES))
    raw = raw_members(line)
    provider_id, act = _text(members["id"], "id"), act_of(_text(members.get("act", "put"), "act"))
    verify_provider_id(provider_id)
    parts = _parts(members, raw, act)
    return Row(line_no, provider_id, parts, act, _subjects(members.get("subjects", [])))


def _members(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise FieldError("", "must be a JSON object")
    for name in value:
        if name not in _MEMBERS:
            raise FieldError(name[:64], "no such field here")
    if "id" not in value:
        raise FieldError("id", "this field is required")
    return value


def _parts(members: dict[str, Json], raw: dict[str, bytes], act: Act) -> dict[str, bytes]:
    if act is Act.DELETE:
        if "parts" in members:
            raise FieldError("parts", "must be absent: a deletion has none")
        return {}
    if not isinstance(members.get("parts"), dict):
        raise FieldError("parts", "this field is required, as a JSON object")
    return raw_members(raw["parts"])


def _subjects(value: Json) -> tuple[SubjectId | Identifier, ...]:
    if not isinstance(value, list):
        raise FieldError("subjects", "must be a JSON array")
    if len(value) > MAX_SUBJECTS:
        raise TooLargeError("subjects", f"{len(value)} subjects, at most {MAX_SUBJECTS} are accepted")
    return tuple(_subject(one, f"subjects[{index}]") for index, one in enumerate(value))


def _subject(value: Json, field: str) -> SubjectId | Identifier:
    if not isinstance(value, dict):
        return read_subject(value, field)
    if value.keys() != _IDENTIFIER:
        raise FieldError(field, "must be a pseudonym, or an object of system and value")
    system, named = value["system"], value["value"]
    return Identifier(_text(system, f"{field}.system"), _text(named, f"{field}.value"))


def _text(value: Json, field: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _MAX_CHARACTERS:
        raise FieldError(field, f"must be a string of 1 to {_MAX_CHARACTERS} characters")
    return value


FORMATS = {
    "ndjson": Format(
        "ndjson",
        "Records, one per line, as JSON with id, act, subjects and parts",
        None,
        read_ndjson,
        frozenset({"upsert"}),
    ),
    "csv": Format(
        "csv",
        "Records, one per row, with columns such as id, subject.value, title.address.street",
        None,
        read_csv,
        COLUMN_OPTIONS | {"upsert"},
    ),
}
