import contextlib
import json
from decimal import Decimal
from time import process_time

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.fhir import check_resource
from cityledger.profiles.fhir_primitives import MAX_STRING_BYTES, check_primitive
from cityledger.strict_json import Json, parse
from support.imports.public_data import public_data

GOOD: list[tuple[str, Json]] = [
    ("boolean", False),
    ("string", "王　秀英"),
    ("string", "line\nand\ttab"),
    ("markdown", "# 小结"),
    ("code", "in-progress"),
    ("code", "two words"),
    ("id", "A-1.b"),
    ("uri", "urn:oid:1.2.3"),
    ("uri", "http://例子.测试/病人"),
    ("oid", "urn:oid:1.2.0.3"),
    ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    ("date", "1980"),
    ("date", "1980-02"),
    ("date", "2024-02-29"),
    ("dateTime", "2026-03-01T23:59:60.123456789Z"),
    ("dateTime", "2026-03-01T08:15:00+14:00"),
    ("instant", "2026-03-01T08:15:00.5-03:30"),
    ("time", "23:59:59.9"),
    ("decimal", Decimal("6.10")),
    ("decimal", 6),
    ("integer", -(2**31)),
    ("unsignedInt", 0),
    ("positiveInt", 2**31 - 1),
    ("base64Binary", "YQ=="),
    ("base64Binary", "YWJj"),
    ("base64Binary", "YWJj\r\nYWI= "),
    ("base64Binary", "YWJj" * 500_000),
]
BAD: list[tuple[str, Json]] = [
    ("boolean", "true"),
    ("boolean", 1),
    ("string", ""),
    ("string", 1),
    ("string", None),
    ("string", "bell\x07"),
    ("string", "x" * (MAX_STRING_BYTES + 1)),
    ("code", " a"),
    ("code", "a "),
    ("code", "a  b"),
    ("id", "a_b"),
    ("id", "a" * 65),
    ("id", "a\n"),
    ("uri", "a b"),
    ("url", " http://a"),
    ("canonical", "a\tb"),
    ("oid", "1.2.3"),
    ("oid", "urn:oid:1.02"),
    ("uuid", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
    ("date", "0000"),
    ("date", "1980-13"),
    ("date", "2026-02-29"),
    ("date", "1980-1-1"),
    ("date", "1980-01-01\n"),
    ("date", "１９８０"),
    ("date", 1980),
    ("dateTime", "2026-03-01T08:15:00"),
    ("dateTime", "2026-03-01T08:15Z"),
    ("dateTime", "2026-03-01T24:00:00Z"),
    ("dateTime", "2026-03-01T08:15:00+14:01"),
    ("dateTime", "2026-03-01 08:15:00Z"),
    ("instant", "2026-03-01"),
    ("time", "08:15"),
    ("time", "08:15:00Z"),
    ("decimal", "6.10"),
    ("decimal", True),
    ("integer", Decimal("1.0")),
    ("integer", 2**31),
    ("unsignedInt", -1),
    ("positiveInt", 0),
    ("positiveInt", True),
    ("base64Binary", ""),
    ("base64Binary", "YQ="),
    ("base64Binary", "YQ==YQ=="),
    ("base64Binary", "YWJ-"),
    ("base64Binary", "data:image/png;base64,YQ=="),
    ("xhtml", "plain text"),
]


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_check_takes(kind: str, value: Json) -> None:
    check_primitive(kind, value, "x")


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_check_refuses(kind: str, value: Json) -> None:
    with pytest.raises(PayloadError) as caught:
        check_primitive(kind, value, "x")
    assert caught.value.field == "x"


HOSTILE: list[tuple[str, str]] = [
    ("base64Binary", "YWJj" * 1_000_000 + "-"),
    ("base64Binary", " " * 4_000_000 + "-"),
    ("base64Binary", "YWJj " * 800_000 + "-"),
    ("code", "a " * 500_000),
    ("markdown", " " * 1_000_000),
    ("oid", "urn:oid:1" + ".1" * 400_000 + "."),
    ("dateTime", "2026-03-01T08:15:00." + "9" * 1_000_000),
    ("xhtml", "<div>" + "<b>" * 1_000_000),
    ("xhtml", '<div a="' + "&lt;" * 1_000_000),
]


@pytest.mark.parametrize(("kind", "value"), HOSTILE, ids=[kind for kind, _ in HOSTILE])
def test_check_of_megabytes_is_linear(kind: str, value: str) -> None:
    """What backtracks or nests takes minutes here, not tenths of a second."""
    begun = process_time()
    with contextlib.suppress(PayloadError):
        check_primitive(kind, value, "x")
    assert process_time() - begun < 5


WHERE = {"code": "language", "date": "birthDate", "id": "id"}


def test_check_judges_the_public_cases_as_their_authors_did() -> None:
    """Their null is valid and represents an element that is left out, for FHIR's JSON has no null members."""
    lines = public_data("medical/fhir-primitives.sample.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 33
    for case in cases:
        value = parse(case["raw"].encode(), max_bytes=1000)
        assert is_taken(case["type"], value) == case["valid"], case


def is_taken(kind: str, value: Json) -> bool:
    patient: dict[str, Json] = {"resourceType": "Patient", "active": True}
    if value is not None and kind == "decimal":
        patient["extension"] = [{"url": "u", "valueDecimal": value}]
    elif value is not None:
        patient[WHERE[kind]] = value
    try:
        check_resource(patient, {"Patient"}, "r")
    except PayloadError:
        return False
    return True
