"""The body of a record as it comes in: its subjects and the exact bytes of its parts; alone or in lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from cityledger.errors import FieldError, InputError, TooLargeError
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.strict_json import Json, parse, raw_members
from cityledger.types import NO_SUBJECT, SubjectId

MAX_SUBJECTS = 64
"""A read of a record with n subjects writes n receipts (SPEC.md §3)."""

_SUBJECT = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RecordBody:
    """``subjects`` ascend strictly (SPEC.md §3). ``parts`` holds each part as written: 6.10 stays 6.10."""

    subjects: tuple[SubjectId, ...]
    parts: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Line:
    """One good line of an import; ``line_no`` counts from 1."""

    line_no: int
    provider_id: str
    body: RecordBody


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One refused line of an import; it changes nothing, and the lines after it are still read."""

    line_no: int
    field: str
    reason: str


def parse_body(data: bytes, *, max_bytes: int) -> RecordBody:
    """The body ``{"subjects": ["0x…"], "parts": {"summary": {…}}}``; ``subjects`` may be left out.

    The parts are not checked against a profile here.

    Raises:
        MalformedJsonError: not strict JSON.
        TooLargeError: more than ``max_bytes`` bytes, or too many subjects.
        FieldError: a member is missing, unknown, or of another type.
    """
    members = _members(parse(data, max_bytes=max_bytes), required={"parts"}, optional={"subjects"})
    return _body(members, raw_members(data))


def parse_lines(stream: BinaryIO, *, max_line_bytes: int) -> Iterator[Line | RejectedLine]:
    """The lines ``{"id": "…", "subjects": […], "parts": {…}}`` of NDJSON; blank lines are passed over.

    Reads one line at a time, and of a line that is too long only ``max_line_bytes`` are ever held.
    """
    for line_no, data in enumerate(_split(stream, max_line_bytes), start=1):
        if not data.strip():
            continue
        try:
            yield _line(line_no, data, max_line_bytes)
        except InputError as error:
            yield RejectedLine(line_no, error.field, error.reason)


def _split(stream: BinaryIO, max_line_bytes: int) -> Iterator[bytes]:
    """Lines without their end; one that is too long comes cut, yet long enough to be refused by size."""
    while data := stream.readline(max_line_bytes + 2):
        rest = data
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(max_line_bytes + 2)
        yield data.removesuffix(b"\n").removesuffix(b"\r")


def _line(line_no: int, data: bytes, max_line_bytes: int) -> Line:
    members = _members(parse(data, max_bytes=max_line_bytes), required={"id", "parts"}, optional={"subjects"})
    provider_id = members["id"]
    if not isinstance(provider_id, str):
        raise FieldError("id", "must be a string")
    verify_provider_id(provider_id)
    return Line(line_no, provider_id, _body(members, raw_members(data)))


def _members(value: Json, *, required: set[str], optional: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise FieldError("", "must be a JSON object")
    for name in value:
        if name not in required | optional:
            raise FieldError(name[:64], "no such field here")
    for name in sorted(required):
        if name not in value:
            raise FieldError(name, "this field is required")
    return value


def _body(members: Mapping[str, Json], raw: Mapping[str, bytes]) -> RecordBody:
    if not isinstance(members["parts"], dict):
        raise FieldError("parts", "must be a JSON object")
    return RecordBody(subjects=_subjects(members.get("subjects", [])), parts=raw_members(raw["parts"]))


def _subjects(value: Json) -> tuple[SubjectId, ...]:
    if not isinstance(value, list):
        raise FieldError("subjects", "must be a JSON array")
    if len(value) > MAX_SUBJECTS:
        raise TooLargeError("subjects", f"{len(value)} subjects, at most {MAX_SUBJECTS} are taken")
    return tuple(sorted({read_subject(item, f"subjects[{index}]") for index, item in enumerate(value)}))


def read_subject(value: Json, field: str) -> SubjectId:
    """A pseudonym as it is written, 0x and 64 lower-case hex digits.

    Raises:
        FieldError: of ``field``; another form, or zero.
    """
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise FieldError(field, "must be 0x and 64 lower-case hex digits")
    subject = SubjectId(bytes.fromhex(value[2:]))
    if subject == NO_SUBJECT:
        raise FieldError(field, "zero names no subject")
    return subject
