"""Records as a table whose columns are paths."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FormatError
from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Identifier, RejectedRow, Row
from cityledger.formats.schema_paths import cell_kinds
from cityledger.profiles.property import PROPERTY
from cityledger.types import SubjectId

OPTIONS = ImportOptions(profile="property")
TITLE = "title.uid,title.type,title.address.district,title.address.street,title.area.value,title.area.unit"
CELLS = "110101-001-0007,apartment,西城区,Xidan North Street,61.50,m2"


def read(text: str | bytes, options: ImportOptions = OPTIONS) -> list[Row | RejectedRow]:
    data = text.encode() if isinstance(text, str) else text
    return list(registry.get("csv").read(io.BytesIO(data), options))


def test_cells_become_members_and_numbers_keep_their_digits() -> None:
    (row,) = read(f"id,{TITLE}\na,{CELLS}\n".encode("utf-8-sig"))

    assert isinstance(row, Row)
    PROPERTY.validate(row.parts)
    assert (
        row.parts["title"]
        == (
            '{"uid":"110101-001-0007","type":"apartment","address":{"district":"西城区",'
            '"street":"Xidan North Street"},"area":{"value":61.50,"unit":"m2"}}'
        ).encode()
    )


def test_empty_cells_leave_members_and_parts_out() -> None:
    (row,) = read(f"id,{TITLE},title.address.unit,charges.0.cid\na,{CELLS},,\n")

    assert isinstance(row, Row)
    assert row.parts.keys() == {"title"}
    assert "unit" not in json.loads(row.parts["title"])["address"]


def test_steps_that_are_numbers_are_items() -> None:
    columns = "id,parties.0.pid,parties.1.pid"
    (row,) = read(f"{columns}\na,p1,p2\n")
    assert isinstance(row, Row)
    assert json.loads(row.parts["parties"]) == [{"pid": "p1"}, {"pid": "p2"}]
    assert read(f"{columns}\na,,p2\n") == [
        RejectedRow(1, "parties", "an item is empty before one that is not")
    ]


def test_acts_and_subjects_have_their_columns() -> None:
    subject = "0x" + "5b" * 32
    rows = read(
        "id,act,subject,subject.system,subject.value,title.uid\n"
        f"a,add,{subject},,,u1\n"
        "b,delete,,,,\n"
        "c,,,urn:x,P-1,u2\n"
        "d,burn,,,,u3\n"
        "e,delete,,,,u4\n"
        "f,,,urn:x,,u5\n"
        "g/h,,,,,u6\n"
    )
    assert rows == [
        Row(1, "a", {"title": b'{"uid":"u1"}'}, Act.ADD, (SubjectId(bytes.fromhex("5b" * 32)),)),
        Row(2, "b", {}, Act.DELETE),
        Row(3, "c", {"title": b'{"uid":"u2"}'}, Act.PUT, (Identifier("urn:x", "P-1"),)),
        RejectedRow(4, "act", "must be put, add, change, delete, or empty for put"),
        RejectedRow(5, "act", "a deletion has no parts: leave their cells empty"),
        RejectedRow(6, "subject.value", "subject.system and subject.value are given together or not at all"),
        RejectedRow(7, "id", "must be one segment of a URL: no '/', and not '.' or '..'"),
    ]


@pytest.mark.parametrize("cell", ["61,5", "061", "6e", "+6", "NaN", "0x1f", "six", "6."])
def test_a_cell_that_is_no_number_as_json_writes_it_is_refused(cell: str) -> None:
    (row,) = read(f'id,title.area.value\na,"{cell}"\n')
    assert row == RejectedRow(1, "title.area.value", "must be number, as JSON writes it")


HEADERS = {
    "no id": ("title.uid", "missing column 'id'"),
    "unknown": ("id,title.colour,state.id", "unknown column 'title.colour', 'state.id': the profile has"),
    "an object": ("id,title.address", "unknown column 'title.address'"),
    "a stream": ("id,attachment", "unknown column 'attachment'"),
    "half a subject": ("id,subject.system", "subject.system and subject.value are required together"),
    "twice": ("id,id", "column twice 'id'"),
    "nothing": ("", "the file must begin with 1 header row"),
}


@pytest.mark.parametrize(("header", "expected"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_does_not_fit_is_told(header: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(header)
    assert caught.value.field == "header"
    assert expected in caught.value.reason


def test_columns_of_another_name_are_told_not_guessed() -> None:
    with pytest.raises(FormatError, match="missing column 'id'"):
        read("Nr,title.uid\na,u\n")
    renamed = ImportOptions(profile="property", columns={"id": "Nr"})
    assert read("Nr,title.uid\na,u\n", renamed) == [Row(1, "a", {"title": b'{"uid":"u"}'})]


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_text_comes_through(text: str) -> None:
    quoted = text.replace('"', '""')
    (row,) = read(f'id,title.uid\na,"{quoted}"\n')
    assert isinstance(row, Row)
    assert json.loads(row.parts["title"]) == {"uid": text}


SCHEMA = {
    "properties": {
        "part": {"$ref": "#/$defs/Part"},
        "list": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    },
    "$defs": {
        "Part": {
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "size": {"type": "number"}}},
                {"properties": {"kind": {"enum": ["b", 3]}, "open": {"type": ["boolean", "null"]}}},
            ],
            "additionalProperties": {"type": "string"},
        }
    },
}


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (("part", "kind"), {"string", "integer"}),
        (("part", "size"), {"number", "string"}),
        (("part", "open"), {"boolean", "string"}),
        (("part", "other"), {"string"}),
        (("list", 7), {"integer"}),
        (("list",), set()),
        (("part",), set()),
        (("part", 0), set()),
        (("none", "x"), set()),
    ],
    ids=lambda value: "-".join(sorted(map(str, value))) or "none",
)
def test_cell_kinds_follow_references_and_unions(path: tuple[str | int, ...], kinds: set[str]) -> None:
    assert cell_kinds(SCHEMA, path) == kinds
