import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError, InputError, MalformedJsonError, TooLargeError
from cityledger.profiles.record_body import (
    MAX_SUBJECTS,
    RecordBody,
    parse_body,
)

LIMIT = 10_000
ONE, TWO = "0x" + "01" * 32, "0x" + "02" * 32


def test_parse_body_sorts_subjects_and_keeps_parts_as_written() -> None:
    data = f'{{"subjects": ["{TWO}", "{ONE}", "{TWO}"], "parts": {{"summary": {{ "dose" :6.10}} , "x":[ ]}}}}'
    body = parse_body(data.encode(), max_bytes=LIMIT)
    assert body.subjects == (b"\x01" * 32, b"\x02" * 32)
    assert body.parts == {"summary": b'{ "dose" :6.10}', "x": b"[ ]"}


def test_parse_body_takes_a_record_of_no_subject() -> None:
    assert parse_body(b'{"parts": {}}', max_bytes=LIMIT) == RecordBody(subjects=(), parts={})


REFUSED = {
    "array": ("[]", "", "must be a JSON object"),
    "no parts": ("{}", "parts", "this field is required"),
    "unknown": ('{"parts": {}, "part": {}}', "part", "no such field here"),
    "an id": ('{"id": "a", "parts": {}}', "id", "no such field here"),
    "parts as list": ('{"parts": []}', "parts", "must be a JSON object"),
    "parts as null": ('{"parts": null}', "parts", "must be a JSON object"),
    "subjects as text": (f'{{"subjects": "{ONE}", "parts": {{}}}}', "subjects", "must be a JSON array"),
    "subject as number": (
        f'{{"subjects": ["{ONE}", 2], "parts": {{}}}}',
        "subjects[1]",
        "must be 0x and 64 lower-case hex digits",
    ),
    "subject upper case": (
        f'{{"subjects": ["0x{"AB" * 32}"], "parts": {{}}}}',
        "subjects[0]",
        "must be 0x and 64 lower-case hex digits",
    ),
    "subject zero": (
        f'{{"subjects": ["0x{"00" * 32}"], "parts": {{}}}}',
        "subjects[0]",
        "must not be zero",
    ),
}


@pytest.mark.parametrize(("data", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_parse_body_refuses_and_names_the_field(data: str, field: str, reason: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse_body(data.encode(), max_bytes=LIMIT)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_parse_body_refuses_too_many_subjects_and_too_many_bytes() -> None:
    body = json.dumps({"subjects": [ONE] * (MAX_SUBJECTS + 1), "parts": {}}).encode()
    with pytest.raises(TooLargeError, match="65 subjects, at most 64"):
        parse_body(body, max_bytes=LIMIT)
    with pytest.raises(TooLargeError):
        parse_body(body, max_bytes=100)


def test_parse_body_names_a_duplicate_key() -> None:
    with pytest.raises(MalformedJsonError) as caught:
        parse_body(b'{"parts": {"summary": {"a": 1, "a": 2}}}', max_bytes=LIMIT)
    assert caught.value.field == "parts.summary.a"


@given(st.binary(max_size=80))
def test_parse_body_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_body(data, max_bytes=LIMIT)
