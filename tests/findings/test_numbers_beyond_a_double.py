"""Numbers from 1.797…e308 to 9.99e308 passed the first parser and failed the second: a request ended in 500,
an import stopped without naming a row, and records of parking and property kept what JavaScript reads as
Infinity.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import MalformedJsonError, PayloadError
from cityledger.profiles import registry
from cityledger.profiles.samples import sample_of
from cityledger.store.imports import JobState
from cityledger.strict_json import parse
from support.imports.import_fixture import ImportDesk, outcomes
from support.node.node_fixture import TestNode

HALF_A_STEP_ABOVE = 2**1024 - 2**970
LARGEST = (
    str(HALF_A_STEP_ABOVE - 1),
    "1.7976931348623157e308",
    "1.79769313486231580793e+308",
    "-17976931348623157E292",
)
BEYOND = (str(HALF_A_STEP_ABOVE), "1.8e308", "-1.7976931348623159e308", "9.99e308", f"1{'9' * 308}")


@pytest.mark.parametrize("number", LARGEST)
def test_the_largest_that_round_to_a_double_are_accepted_by_all(number: str) -> None:
    data = f"[{number}]".encode()
    assert parse(data, max_bytes=1_000) == [Decimal(number)]
    assert msgspec.json.decode(data)


@pytest.mark.parametrize("number", BEYOND)
def test_a_number_that_rounds_to_infinity_is_refused_with_its_path(number: str) -> None:
    with pytest.raises(MalformedJsonError, match="range or length") as refused:
        parse(f'{{"a": [1, {{"b": {number}}}]}}'.encode(), max_bytes=1_000)
    assert refused.value.field == "a[1].b"


@given(st.integers(10**307, 10**309 - 1), st.integers(0, 20), st.booleans())
def test_what_is_accepted_is_finite_for_every_reader_with_doubles(
    digits: int, shift: int, negative: bool
) -> None:
    number = f"{'-' if negative else ''}{digits // 10**shift}e{shift}"
    try:
        parse(number.encode(), max_bytes=1_000)
    except MalformedJsonError:
        assert abs(float(number)) == float("inf")
    else:
        assert msgspec.json.decode(number.encode()) == float(number)


def record_with(profile: str, place: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A record in whose parts ``place`` puts the text ``NUMBER``; ``written`` makes it a number."""
    made: dict[str, Any] = json.loads(json.dumps(sample_of(profile)))
    place(made["parts"])
    return made


def written(record: dict[str, Any], number: str) -> bytes:
    return json.dumps(record).replace('"NUMBER"', number).encode()


PLACES: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "medical": (
        "parts.summary.extension[0].valueDecimal",
        lambda parts: parts["summary"].update(extension=[{"url": "urn:x", "valueDecimal": "NUMBER"}]),
    ),
    "parking": (
        "parts.state.averageSpotWidth",
        lambda parts: parts["state"].update(averageSpotWidth="NUMBER"),
    ),
    "property": ("parts.title.area.value", lambda parts: parts["title"]["area"].update(value="NUMBER")),
}


@pytest.mark.parametrize("profile", PLACES)
def test_every_profile_names_the_field(profile: str) -> None:
    field, place = PLACES[profile]
    whole = written(record_with(profile, place), "1.8e308")
    parts = {name: bytes(raw) for name, raw in msgspec.json.decode(whole, type=Envelope).parts.items()}

    with pytest.raises(PayloadError) as refused:
        registry.get(profile).validate(parts)
    assert refused.value.field == field


class Envelope(msgspec.Struct):
    parts: dict[str, msgspec.Raw]


def test_a_request_is_refused_with_400(node: TestNode) -> None:
    body = written(record_with(*("medical", PLACES["medical"][1])), "1.8e308")
    headers = {**node.headers("HEALTH", "writer"), "Content-Type": "application/json", "If-None-Match": "*"}

    answer = node.client.put(node.url(node.health, "visit"), content=body, headers=headers)

    assert answer.status_code == 400, answer.text
    assert answer.json()["field"].endswith("extension[0].valueDecimal")


VISIT = b'{"resourceType":"Encounter","id":"%s","status":"finished","class":{"code":"AMB"}%s}'
ODD = b',"extension":[{"url":"urn:x","valueDecimal":1.8e308}]'
CSV = (
    b"id,title.uid,title.type,title.address.district,title.address.street,title.area.value,title.area.unit\n"
)
ENTITY = b'{"id":"urn:ngsi-ld:OffStreetParking:%s","type":"OffStreetParking","averageSpotWidth":%s}'


def lines(*made: bytes) -> bytes:
    return b"\n".join(made)


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "ndjson": (
        "land",
        lambda: lines(
            *(
                written({"id": name, **record_with("property", PLACES["property"][1])}, number)
                for name, number in (("a", "61.5"), ("b", "1.8e308"), ("c", "61.5"))
            )
        ),
    ),
    "csv": (
        "land",
        lambda: (
            CSV
            + lines(
                *(
                    b"%s,u1,apartment,D,S,%s,m2" % one
                    for one in ((b"a", b"1"), (b"b", b"1.8e308"), (b"c", b"2"))
                )
            )
        ),
    ),
    "fhir-ndjson": ("health", lambda: lines(VISIT % (b"a", b""), VISIT % (b"b", ODD), VISIT % (b"c", b""))),
    "ngsi-ld": (
        "parking",
        lambda: lines(ENTITY % (b"a", b"1"), ENTITY % (b"b", b"1.8e308"), ENTITY % (b"c", b"1")),
    ),
}


@pytest.mark.parametrize("format_", FILES)
def test_an_import_rejects_that_row_and_takes_the_others(node: TestNode, format_: str) -> None:
    dataset, make = FILES[format_]
    desk = ImportDesk.of(node, getattr(node, dataset))

    job = desk.import_(make(), format_)

    assert (job.state, job.failure) == (JobState.DONE, None)
    assert outcomes(job) == {"accepted": 2, "rejected": 1}, desk.rows(job)
    (row,) = desk.rows(job)
    assert row.row_no == 2
    assert row.field
    assert "range or length" in row.reason


def test_a_whole_bundle_is_refused_as_one_file_and_names_the_field(node: TestNode) -> None:
    entries = b",".join(
        b'{"resource":%s}' % (VISIT % (name, odd)) for name, odd in ((b"a", b""), (b"b", ODD))
    )
    desk = ImportDesk.of(node, node.health)

    job = desk.import_(b'{"resourceType":"Bundle","type":"collection","entry":[%s]}' % entries, "fhir")

    assert job.state is JobState.STOPPED
    assert "entry[1].resource.extension[0].valueDecimal" in (job.failure or "")
