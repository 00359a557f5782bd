"""The body of a record as it is received: its subjects and the exact bytes of its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cityledger.errors import FieldError, TooLargeError
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


def parse_body(data: bytes, *, max_bytes: int) -> RecordBody:
    """The body ``{"subjects": ["0x…"], "parts": {"summary": {…}}}``; ``subjects`` may be omitted.

    The parts are not checked against a profile here.

    Raises:
        MalformedJsonError: not strict JSON.
        TooLargeError: more than ``max_bytes`` bytes, or too many subjects.
        FieldError: a member is missing, unknown, or of another type.
    """
    members = _members(parse(data, max_bytes=max_bytes), required={"parts"}, optional={"subjects"})
    return _body(members, raw_members(data))


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
        raise TooLargeError("subjects", f"{len(value)} subjects, at most {MAX_SUBJECTS} are accepted")
    return tuple(sorted({read_subject(item, f"subjects[{index}]") for index, item in enumerate(value)}))


def read_subject(value: Json, field: str) -> SubjectId:
    """A pseudonym from its text, 0x and 64 lower-case hex digits.

    Raises:
        FieldError: of ``field``; another form, or zero.
    """
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise FieldError(field, "must be 0x and 64 lower-case hex digits")
    subject = SubjectId(bytes.fromhex(value[2:]))
    if subject == NO_SUBJECT:
        raise FieldError(field, "must not be zero")
    return subject
