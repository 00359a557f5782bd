"""The vectors that hold both languages to the same bytes, as Solidity computes them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from eth_utils.crypto import keccak

from support.city.city_on_chain import ROOT, Harness

FUNCTIONS = {
    "RecordLeaf": "recordLeaf",
    "Tombstone": "tombstone",
    "ReceiptLeaf": "receiptLeaf",
    None: "receipt",
}


def load(name: str) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((ROOT / f"tests/vectors/{name}.json").read_text("utf-8"))[
        "vectors"
    ]
    return vectors


def from_json(parameter: Mapping[str, Any], value: Any) -> Any:
    """A vector's value in the form that the ABI accepts. A part's name represents its hash."""
    kind = parameter["type"]
    if kind.endswith("[]"):
        return [from_json({**parameter, "type": kind[:-2]}, item) for item in value]
    if kind == "tuple":
        members = parameter["components"]
        return tuple(
            keccak(text=value["name"])
            if member["name"] == "nameHash"
            else from_json(member, value[member["name"]])
            for member in members
        )
    if kind.startswith("uint"):
        return int(value)
    return bytes.fromhex(value[2:]) if kind == "bytes32" else value


HASHED = [vector for vector in load("leaves") if "structHash" in vector]


@pytest.mark.parametrize("vector", HASHED, ids=[vector["name"] for vector in HASHED])
def test_struct_hashes_are_those_of_the_vectors(harness: Harness, vector: dict[str, Any]) -> None:
    function = FUNCTIONS[vector["value"].get("type")]
    struct_hash = harness.ask(function, from_json(harness.parameter_of(function), vector["value"]))
    assert struct_hash == bytes.fromhex(vector["structHash"][2:])
    if "leafHash" in vector:
        assert harness.ask("leafHash", struct_hash) == bytes.fromhex(vector["leafHash"][2:])


def test_inclusion_is_accepted_and_refused_as_in_the_vectors(harness: Harness) -> None:
    vectors = load("merkle")
    assert {vector["expect"] for vector in vectors} == {"ok", "refuse"}
    for vector in vectors:
        leaf, root, *path = [
            bytes.fromhex(one[2:]) for one in (vector["leaf"], vector["root"], *vector["path"])
        ]
        is_included = harness.ask("isIncluded", leaf, vector["index"], vector["size"], path, root)
        assert is_included == (vector["expect"] == "ok"), vector["name"]
