"""Records as lines of JSON."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.formats import native, registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Identifier, RejectedRow, Row
from cityledger.types import SubjectId

PSEUDONYM = "0x" + "5b" * 32


def read(data: bytes) -> list[Row | RejectedRow]:
    return list(registry.get("ndjson").read(io.BytesIO(data), ImportOptions()))


def test_lines_become_rows_whose_parts_are_as_written() -> None:
    lines = (
        b'\xef\xbb\xbf{"id": "a", "parts": {"summary": { "dose" :6.10}}}\r\n'
        b"\n"
        b'{"id": "b", "act": "delete"}\n'
        b'{"id": "c", "act": "add", "subjects": ["%s", {"system": "urn:x", "value": "P-1"}], "parts": {}}'
        % PSEUDONYM.encode()
    )
    assert read(lines) == [
        Row(1, "a", {"summary": b'{ "dose" :6.10}'}),
        Row(3, "b", {}, Act.DELETE),
        Row(4, "c", {}, Act.ADD, (SubjectId(bytes.fromhex("5b" * 32)), Identifier("urn:x", "P-1"))),
    ]


REFUSED = {
    "not JSON": ("nonsense", "", "Expecting value at line 1, column 1"),
    "an array": ("[]", "", "must be a JSON object"),
    "no id": ('{"parts": {}}', "id", "this field is required"),
    "a number as id": ('{"id": 3, "parts": {}}', "id", "must be a string of 1 to 256 characters"),
    "a slash in the id": (
        '{"id": "a/b", "parts": {}}',
        "id",
        "must be one segment of a URL: no '/', and not '.' or '..'",
    ),
    "no parts": ('{"id": "a"}', "parts", "this field is required, as a JSON object"),
    "parts of a deletion": (
        '{"id": "a", "act": "delete", "parts": {}}',
        "parts",
        "must be absent: a deletion has none",
    ),
    "an unknown act": ('{"id": "a", "act": "burn", "parts": {}}', "act", "must be put, add, change, delete"),
    "an unknown member": ('{"id": "a", "part": {}}', "part", "no such field here"),
    "a duplicate key": (
        '{"id": "a", "parts": {"x": 1, "x": 2}}',
        "parts.x",
        "this key occurs twice in its object",
    ),
    "half an identifier": (
        '{"id": "a", "parts": {}, "subjects": [{"system": "s"}]}',
        "subjects[0]",
        "must be a pseudonym, or an object of system and value",
    ),
    "an empty identifier": (
        '{"id": "a", "parts": {}, "subjects": [{"system": "s", "value": ""}]}',
        "subjects[0].value",
        "must be a string of 1 to 256 characters",
    ),
    "a national id as pseudonym": (
        '{"id": "a", "parts": {}, "subjects": ["110101199003070011"]}',
        "subjects[0]",
        "must be 0x and 64 lower-case hex digits",
    ),
}


@pytest.mark.parametrize(("line", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_refused_line_is_told_and_the_next_is_read(line: str, field: str, reason: str) -> None:
    found = read(line.encode() + b'\n{"id": "next", "parts": {}}')
    assert found == [RejectedRow(1, field, reason), Row(2, "next", {})]


def test_a_line_that_is_too_long_is_refused_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "MAX_LINE_BYTES", 100)
    data = b'{"id": "%s"}\n{"id": "next", "parts": {}}' % (b"a" * 100_000)
    assert read(data) == [RejectedRow(1, "", "JSON of more than 100 bytes"), Row(2, "next", {})]


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), st.booleans())
def test_every_line_that_is_not_blank_yields_one_row(lines: list[bytes], ended: bool) -> None:
    found = read(b"\n".join(lines) + (b"\n" if ended else b""))
    lines = [lines[0].removeprefix(b"\xef\xbb\xbf"), *lines[1:]] if lines else []
    assert [one.row_no for one in found] == [no for no, line in enumerate(lines, start=1) if line.strip()]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=9),
        st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5), st.lists),
        max_size=3,
    )
)
def test_any_parts_come_through_byte_for_byte(parts: dict[str, object]) -> None:
    raw = {name: json.dumps(value) for name, value in parts.items()}
    members = ",".join(f"{json.dumps(name)}: {value}" for name, value in raw.items())
    (row,) = read(f'{{"id": "a", "parts": {{{members}}}}}'.encode())
    assert isinstance(row, Row)
    assert row.parts == {name: value.encode() for name, value in raw.items()}
