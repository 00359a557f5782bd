import json
import time
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import InputError, MalformedJsonError, TooLargeError
from cityledger.strict_json import MAX_DEPTH, Json, parse, raw_items, raw_members
from support.imports.public_data import public_data

LIMIT = 10**6

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

REFUSED = {
    "byte-order mark": (b"\xef\xbb\xbf{}", "", "a byte-order mark is not allowed (RFC 8259 §8.1)"),
    "not UTF-8": (b'["\xff"]', "", "not UTF-8 at byte 2"),
    "overlong UTF-8": (b'["\xc0\xaf"]', "", "not UTF-8 at byte 2"),
    "duplicate key": (b'{"a":1,"a":1}', "a", "this key occurs twice in its object"),
    "duplicate by escape": (b'{"a":1,"\\u0061":1}', "a", "this key occurs twice in its object"),
    "duplicate deep": (b'{"x":[0,{"b":{"c":1,"c":2}}]}', "x[1].b.c", "this key occurs twice in its object"),
    "NaN": (b"[1,\nNaN]", "", "NaN and Infinity are not JSON numbers at line 2, column 1"),
    "infinity": (b"[-Infinity]", "", "NaN and Infinity are not JSON numbers at line 1, column 2"),
    "lone high surrogate": (b'["\\ud83d"]', "", "lone surrogate in a string at line 1, column 3"),
    "lone low surrogate": (b'["a\\udc00"]', "", "lone surrogate in a string at line 1, column 4"),
    "two high surrogates": (b'["\\ud83d\\ud83d"]', "", "lone surrogate in a string at line 1, column 3"),
    "trailing data": (b"{} {}", "", "Extra data at line 1, column 4"),
    "missing value": (b"[1,", "", "Expecting value at line 1, column 4"),
    "empty": (b"", "", "Expecting value at line 1, column 1"),
    "raw control character": (b'["\n"]', "", "Invalid control character at at line 1, column 3"),
}


@pytest.mark.parametrize(("data", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_parse_refuses_and_tells_where(data: bytes, field: str, reason: str) -> None:
    with pytest.raises(MalformedJsonError) as caught:
        parse(data, max_bytes=LIMIT)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_parse_refuses_a_trailing_comma() -> None:
    # Python 3.13 words it otherwise than 3.11, and points at the comma.
    with pytest.raises(MalformedJsonError, match=r"at line 1, column [34]$"):
        parse(b"[1,]", max_bytes=LIMIT)


@pytest.mark.parametrize(
    "number", ["1e309", "-1e309", "1e-400", "0e999999999", "1e99999999999999999999", "1" * 310]
)
def test_parse_refuses_number_that_readers_disagree_on(number: str) -> None:
    with pytest.raises(MalformedJsonError, match=r"range or length .* at line 1, column 2"):
        parse(f"[{number}]".encode(), max_bytes=LIMIT)


def test_parse_refuses_number_of_too_many_characters() -> None:
    with pytest.raises(MalformedJsonError, match="range or length"):
        parse(b"0." + b"1" * 2_000, max_bytes=LIMIT)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"":'])
def test_parse_refuses_nesting_bomb_fast(opening: bytes) -> None:
    bomb = opening * (10_000_000 // len(opening))
    begun = time.perf_counter()
    with pytest.raises(MalformedJsonError, match=f"nested deeper than {MAX_DEPTH} at line 1"):
        parse(bomb, max_bytes=len(bomb))
    assert time.perf_counter() - begun < 2


def test_parse_takes_greatest_depth_refuses_one_more() -> None:
    assert parse(b"[" * 64 + b"]" * 64, max_bytes=LIMIT) is not None
    with pytest.raises(MalformedJsonError):
        parse(b"[" * 65 + b"]" * 65, max_bytes=LIMIT)


def test_parse_does_not_count_brackets_inside_strings() -> None:
    text = "[" * 100 + '\\"' + "{" * 100 + "NaN"
    assert parse(json.dumps([text]).encode(), max_bytes=LIMIT) == [text]


def test_parse_refuses_one_byte_too_many() -> None:
    assert parse(b"[1]", max_bytes=3) == [1]
    with pytest.raises(TooLargeError, match="JSON of more than 3 bytes"):
        parse(b"[12]", max_bytes=3)


def test_parse_keeps_all_digits() -> None:
    value = parse(b'{"dose": 6.10, "count": 9007199254740993, "big": 1e2}', max_bytes=LIMIT)
    assert value == {"dose": Decimal("6.10"), "count": 9007199254740993, "big": Decimal("1e2")}
    assert isinstance(value, dict)
    assert str(value["dose"]) == "6.10"
    assert [type(member) for member in value.values()] == [Decimal, int, Decimal]


def test_raw_members_keeps_bytes_as_written() -> None:
    data = '{ "a" : 6.10 , "b\\u0041":[ 1 , 2 ], "":"\\u5317京" }'.encode()
    assert raw_members(data) == {"a": b"6.10", "bA": b"[ 1 , 2 ]", "": '"\\u5317京"'.encode()}


def test_raw_items_keeps_bytes_as_written() -> None:
    assert raw_items(b"[6.10, {} ,-0.0]") == [b"6.10", b"{}", b"-0.0"]


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"{}"'])
def test_raw_members_refuses_what_is_no_object(data: bytes) -> None:
    with pytest.raises(MalformedJsonError, match="must be a JSON object"):
        raw_members(data)


def test_raw_items_refuses_what_is_no_array() -> None:
    with pytest.raises(MalformedJsonError, match="must be a JSON array"):
        raw_items(b"{}")


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of Unicode
@given(
    members=st.dictionaries(st.text(), json_values),
    ascii_only=st.booleans(),
    indent=st.none() | st.integers(0, 3),
)
def test_parse_and_raw_members_agree(members: dict[str, Json], ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(members, ensure_ascii=ascii_only, indent=indent).encode()
    raw = raw_members(data)
    assert {name: parse(value, max_bytes=LIMIT) for name, value in raw.items()} == members
    assert parse(data, max_bytes=LIMIT) == members
    assert all(value in data for value in raw.values())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | st.text('{}[]",:\\u0dD8aNfinty1e-+. \n', max_size=60).map(str.encode))
def test_parse_raises_nothing_else_and_raw_members_agrees(data: bytes) -> None:
    try:
        value = parse(data, max_bytes=LIMIT)
    except InputError:
        return
    assert json.loads(data, parse_float=Decimal) == value
    if isinstance(value, dict):
        assert {name: parse(raw, max_bytes=LIMIT) for name, raw in raw_members(data).items()} == value


def test_parse_on_the_json_torture_suite() -> None:
    """Every y_ file is taken and every n_ file refused, without exception; an i_ file may do either."""
    paths = sorted(public_data("vectors/json-torture").glob("*.json"))
    assert len(paths) >= 59
    wrong = [
        path.name
        for path in paths
        if path.name[0] != "i" and is_taken(path.read_bytes()) != (path.name[0] == "y")
    ]
    assert wrong == []


STRICTER_THAN_OTHERS = {
    "i_number_double_huge_neg_exp.json": "readers make 0 of it",
    "i_number_real_neg_overflow.json": "readers make -Infinity of it",
    "i_string_1st_valid_surrogate_2nd_invalid.json": "lone surrogate",
    "i_string_incomplete_surrogate_and_escape_valid.json": "lone surrogate",
    "i_string_invalid_surrogate.json": "lone surrogate",
    "i_string_lone_second_surrogate.json": "lone surrogate",
    "i_string_overlong_sequence_6_bytes.json": "not UTF-8",
    "i_string_utf16LE_no_BOM.json": "not UTF-8",
}


def test_parse_refuses_what_the_torture_suite_leaves_open() -> None:
    paths = sorted(public_data("vectors/json-torture").glob("i_*.json"))
    refused = {path.name for path in paths if not is_taken(path.read_bytes())}
    assert refused == set(STRICTER_THAN_OTHERS)


def is_taken(data: bytes) -> bool:
    try:
        parse(data, max_bytes=LIMIT)
    except InputError:
        return False
    return True
