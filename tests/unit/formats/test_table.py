from __future__ import annotations

import io

import pytest

from cityledger.errors import FormatError
from cityledger.formats.rows import RejectedRow
from cityledger.formats.table import MAX_COLUMNS, Layout, read_table

LAYOUT = Layout(("place", "count"), optional=("note",))


def _read(data: bytes, layout: Layout = LAYOUT, **renamed: str) -> list[object]:
    return list(read_table(io.BytesIO(data), layout, renamed))


def _skipping(data: bytes, *skipped: str, **renamed: str) -> list[object]:
    return list(read_table(io.BytesIO(data), LAYOUT, renamed, skipped))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_read_table_gives_cells_as_written(mark: bytes, end: bytes) -> None:
    data = mark + end.join([b"place,count", b'"a, ""b""", 07 ', b"", b"c,"])

    assert _read(data) == [(1, {"place": 'a, "b"', "count": " 07 "}), (2, {"place": "c", "count": ""})]


def test_read_table_passes_over_further_header_rows() -> None:
    data = "地點,數量\nplace,count\na,1\n".encode()

    found = _read(data, Layout(("地點", "數量"), header_rows=2))

    assert found == [(1, {"地點": "a", "數量": "1"})]


def test_read_table_knows_columns_by_their_place_where_there_is_no_header() -> None:
    assert _read(b"a,1\n", Layout(("place", "count"), header_rows=0)) == [(1, {"place": "a", "count": "1"})]


def test_read_table_refuses_a_row_of_another_width_and_reads_on() -> None:
    found = _read(b"place,count\na\nb,2\n")

    assert found == [
        RejectedRow(1, "", "has 1 cells, the file's columns are 2"),
        (2, {"place": "b", "count": "2"}),
    ]


def test_read_table_takes_a_column_by_its_own_name_when_told() -> None:
    assert _read(b"where,count\na,1\n", place="where") == [(1, {"place": "a", "count": "1"})]


@pytest.mark.parametrize(
    ("data", "field", "expected"),
    [
        (b"", "header", "must begin with 1 header"),
        (b"place,number\n", "header", "missing column 'count'; unknown column 'number'"),
        (b"place,count,count\n", "header", "column twice 'count'"),
        (b"place,count\n\xff\xfe,1\n", "", "is not UTF-8"),
        (b'place,count\n"a,1\n', "", "is not CSV"),
        (b"," * MAX_COLUMNS, "header", f"at most {MAX_COLUMNS}"),
    ],
    ids=["empty", "other columns", "twice", "no UTF-8", "open quote", "too wide"],
)
def test_read_table_refuses_a_file_and_says_what_is_wrong(data: bytes, field: str, expected: str) -> None:
    with pytest.raises(FormatError, match=expected) as refused:
        _read(data)

    assert refused.value.field == field


def test_read_table_refuses_a_name_for_a_column_that_the_file_does_not_have() -> None:
    with pytest.raises(FormatError, match="no column 'where'"):
        _read(b"place,count\na,1\n", place="where")


def test_read_table_leaves_the_stream_open() -> None:
    stream = io.BytesIO(b"place,count\na,1\n")

    list(read_table(stream, LAYOUT, {}))

    assert not stream.closed


def test_read_table_leaves_out_the_columns_that_are_skipped() -> None:
    assert _skipping(b"place,colour,count,colour\na,red,1,blue\nb\n", "colour") == [
        (1, {"place": "a", "count": "1"}),
        RejectedRow(2, "", "has 1 cells, the file's columns are 4"),
    ]


@pytest.mark.parametrize(
    ("skipped", "renamed", "field", "message"),
    [
        ("color", {}, "skipColumns", "the file has no column 'color'"),
        ("count", {}, "header", "missing column 'count'"),
        ("where", {"place": "where"}, "skipColumns", "columns names these, too: 'where'"),
    ],
)
def test_read_table_refuses_to_skip_what_it_needs_or_does_not_have(
    skipped: str, renamed: dict[str, str], field: str, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        _skipping(b"place,colour,count,where\n", skipped, "colour", **renamed)
    assert caught.value.field == field
    assert message in caught.value.reason
