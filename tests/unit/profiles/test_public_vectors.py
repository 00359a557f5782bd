"""The vectors of RFC 8785's author through our canonical form: it agrees or refuses, and never differs."""

from __future__ import annotations

import json
import struct

import pytest

from cityledger.profiles.profile import canonical_bytes
from support.imports.public_data import public_data

WITHOUT_FLOATS = ["arrays", "french"]


@pytest.mark.parametrize("name", WITHOUT_FLOATS)
def test_canonical_bytes_are_those_of_the_vector(name: str) -> None:
    folder = public_data("vectors/rfc8785-jcs")
    document = json.loads((folder / "input" / f"{name}.json").read_bytes())
    expected = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
    assert canonical_bytes(document) == expected == (folder / "output" / f"{name}.json").read_bytes()


def test_canonical_bytes_refuses_a_whole_number_that_is_written_as_a_fraction() -> None:
    folder = public_data("vectors/rfc8785-jcs")
    text = (folder / "input/structures.json").read_bytes()
    assert b"56.0" in text
    with pytest.raises(ValueError, match="exactly"):
        canonical_bytes(json.loads(text))
    agreed = canonical_bytes(json.loads(text.replace(b"56.0", b"56")))
    assert agreed == (folder / "output/structures.json").read_bytes()


def test_canonical_bytes_refuses_the_vector_with_other_numbers_and_agrees_on_the_rest() -> None:
    folder = public_data("vectors/rfc8785-jcs")
    document = json.loads((folder / "input/values.json").read_bytes())
    with pytest.raises(ValueError, match="exactly"):
        canonical_bytes(document)

    expected = json.loads((folder / "output/values.json").read_bytes())
    del document["numbers"], expected["numbers"]
    text = (folder / "output/values.json").read_bytes()
    assert canonical_bytes(document["literals"]) in text
    assert canonical_bytes(document["string"]) in text


def test_canonical_bytes_agrees_with_each_number_or_refuses_it() -> None:
    agreed = refused = 0
    for line in public_data("vectors/rfc8785-jcs/numbers-1000.txt").read_text().splitlines():
        bits, expected = line.split(",")
        (number,) = struct.unpack(">d", bytes.fromhex(bits.rjust(16, "0")))
        with pytest.raises(ValueError, match="exactly"):
            canonical_bytes(number)
        read = json.loads(expected)  # as it is in a document
        if isinstance(read, int) and abs(read) < 2**53:
            assert canonical_bytes(read) == expected.encode()
            agreed += 1
        else:
            with pytest.raises(ValueError, match="exactly"):
                canonical_bytes(read)
            refused += 1
    assert agreed > 0
    assert agreed + refused == 1000


def test_canonical_bytes_sorts_keys_by_utf_16_and_not_by_code_point() -> None:
    assert canonical_bytes({"\ue000": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ue000":1}'.encode()


@pytest.mark.parametrize(
    "value", [{1: 2}, float("nan"), 2**53, -(2**53), 1.0, b"bytes", {"a": {1}}, "\ud800"]
)
def test_canonical_bytes_refuses_what_has_no_one_form(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_bytes(value)
