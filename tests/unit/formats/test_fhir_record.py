import json
from typing import Any

import pytest

from cityledger.errors import InputError, MalformedJsonError, PayloadError, TooLargeError
from cityledger.formats.fhir_record import read_record, write_record
from cityledger.formats.fhir_references import REFERENCE_SYSTEM
from cityledger.formats.rows import Identifier
from cityledger.profiles.medical import MEDICAL

ENCOUNTER = (
    b'{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},'
    b'"subject":{"reference":"Patient/7"}}'
)
GLUCOSE = (
    b'{ "resourceType":"Observation","status":"final","code":{"text":"\xe6\xb0\x94"},'
    b'"valueQuantity":{"value":6.10} }'
)
SODIUM = (
    b'{"resourceType":"Observation","status":"final","code":{"text":"Na"},"valueQuantity":{"value":1.4e2}}'
)


def bundle(*resources: bytes, full_url: str = "") -> bytes:
    around = f'"fullUrl":"{full_url}",' if full_url else ""
    entries = b",\n".join(b"{" + around.encode() + b'"resource": ' + one + b"}" for one in resources)
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"


def test_read_puts_one_resource_into_its_part_as_it_is() -> None:
    record = read_record(b"\n" + GLUCOSE + b"\n", max_bytes=1000)
    assert record.parts == {"observations": GLUCOSE}
    assert write_record(record.parts) == GLUCOSE


def test_read_puts_each_resource_into_the_part_of_its_type() -> None:
    record = read_record(bundle(GLUCOSE, ENCOUNTER, SODIUM), max_bytes=10_000)
    assert list(record.parts) == ["summary", "observations"]
    assert record.parts["summary"] == ENCOUNTER
    assert record.parts["observations"].count(GLUCOSE) == record.parts["observations"].count(SODIUM) == 1
    assert record.patients == (Identifier(REFERENCE_SYSTEM, "Patient/7"),)
    MEDICAL.validate(record.parts)


def test_write_gives_every_resource_back_by_part_then_order() -> None:
    record = read_record(bundle(GLUCOSE, ENCOUNTER, SODIUM), max_bytes=10_000)
    text = write_record(record.parts)
    assert json.loads(text)["type"] == "collection"
    assert text.find(ENCOUNTER) < text.find(GLUCOSE) < text.find(SODIUM)
    assert read_record(text, max_bytes=10_000) == record


def test_write_keeps_a_full_url() -> None:
    text = bundle(ENCOUNTER, full_url="urn:uuid:1")
    again = write_record(read_record(text, max_bytes=1000).parts)
    assert json.loads(again)["entry"] == [{"fullUrl": "urn:uuid:1", "resource": json.loads(ENCOUNTER)}]
    assert ENCOUNTER in again


def test_write_of_parts_without_resources_is_an_empty_collection() -> None:
    assert json.loads(write_record({})) == {"resourceType": "Bundle", "type": "collection"}
    assert write_record({"attachment": b"%PDF"}) == write_record({})


def changed(**members: Any) -> bytes:
    return json.dumps({**json.loads(bundle(ENCOUNTER)), **members}).encode()


REFUSED: dict[str, tuple[bytes, type[InputError], str]] = {
    "no JSON": (b"<Encounter/>", MalformedJsonError, ""),
    "duplicate key": (b'{"resourceType":"Patient","a":1,"a":2}', MalformedJsonError, "a"),
    "too much": (b" " * 10_001, TooLargeError, ""),
    "no object": (b"[]", PayloadError, "resource"),
    "another type": (b'{"resourceType":"ValueSet"}', PayloadError, "resource.resourceType"),
    "element": (ENCOUNTER.replace(b"finished", b"over"), PayloadError, "resource.status"),
    "element in a bundle": (
        bundle(GLUCOSE, ENCOUNTER.replace(b"finished", b"over")),
        PayloadError,
        "Bundle.entry[1].resource.status",
    ),
    "transaction": (changed(type="transaction"), PayloadError, "Bundle.type"),
    "no entries": (changed(entry=[]), PayloadError, "Bundle.entry"),
    "entries as an object": (changed(entry={}), PayloadError, "Bundle.entry"),
    "entry as text": (changed(entry=["x"]), PayloadError, "Bundle.entry[0]"),
    "entry without a resource": (
        changed(entry=[{"fullUrl": "urn:uuid:1"}]),
        PayloadError,
        "Bundle.entry[0].resource",
    ),
    "what would be lost": (changed(signature={}, total=1), PayloadError, "Bundle.signature"),
    "what would be lost of an entry": (
        changed(entry=[{"resource": json.loads(ENCOUNTER), "search": {"mode": "match"}}]),
        PayloadError,
        "Bundle.entry[0].search",
    ),
}


@pytest.mark.parametrize(("data", "kind", "field"), REFUSED.values(), ids=REFUSED)
def test_read_refuses_and_names_the_element(data: bytes, kind: type[InputError], field: str) -> None:
    with pytest.raises(kind) as caught:
        read_record(data, max_bytes=10_000)
    assert caught.value.field == field


def test_members_of_the_envelope_are_accepted_and_others_refused_together() -> None:
    read_record(
        changed(id="b1", meta={"versionId": "1"}, timestamp="2026-01-01T00:00:00Z"), max_bytes=100_000
    )
    with pytest.raises(PayloadError, match="nor are total"):
        read_record(changed(signature={}, total=1), max_bytes=100_000)
