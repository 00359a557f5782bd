import json

import pytest

from cityledger.profiles.fhir_slices import Slice, collection, part_payload, slices_of

ONE = b'{"resourceType" :"Observation", "valueInteger":1}'
TWO = b'{"resourceType":"Observation","value":6.10,"text":"\xe6\xb0\x94"}'


def test_slices_of_one_resource_are_its_bytes() -> None:
    assert list(slices_of(b"\n " + ONE + b" ")) == [Slice("", ONE)]


def test_slices_of_an_array_are_the_bytes_of_its_items() -> None:
    assert list(slices_of(b"\t[" + ONE + b" , " + TWO + b"]")) == [Slice("", ONE), Slice("", TWO)]


@pytest.mark.parametrize("full_url", ["", "urn:uuid:1", 'odd "quotes" \\ 气'])
def test_slices_of_a_collection_are_what_was_put_in(full_url: str) -> None:
    several = [Slice(full_url, ONE), Slice("", TWO)]
    assert list(slices_of(collection(several))) == several
    assert json.loads(collection(several))["type"] == "collection"


def test_part_payload_wraps_only_where_something_would_be_lost() -> None:
    assert part_payload([Slice("", ONE)]) == ONE
    assert part_payload([Slice("urn:uuid:1", ONE)]) == collection([Slice("urn:uuid:1", ONE)])
    assert part_payload([Slice("", ONE), Slice("", TWO)]) == collection([Slice("", ONE), Slice("", TWO)])
