"""Others' vectors through our own functions, where we use them: EIP-712 hashing, and the tree of RFC 9162.

What is not ours, and why: the consistency proofs of RFC 6962 (batches are closed and never grow), and
OpenZeppelin's standard tree (sorted pairs and doubly hashed leaves, so that a proof shows no index).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from cityledger.errors import FieldError, VerificationError
from cityledger.keccak import keccak
from cityledger.proofs import merkle
from cityledger.proofs.typed_data import StructType, hash_struct, parse_struct_type
from support.imports.public_data import public_data

# ---- EIP-712 ----

DOMAIN = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
Types = dict[str, list[dict[str, str]]]


def test_hash_struct_gives_the_digests_of_ethers_or_refuses() -> None:
    """The types that we do not have (signed integers, byte strings, arrays of arrays) are refused."""
    outcomes: Counter[str] = Counter()
    for case in json.loads(public_data("vectors/eip712/ethers-typed-data.sample.json").read_bytes()):
        try:
            digest = digest_of(case["types"], case["primaryType"], case["domain"], case["data"])
        except FieldError:
            outcomes["refused"] += 1
            assert foreign_types(case["types"], case["primaryType"]), case["name"]
            continue
        outcomes["agreed"] += 1
        assert digest.hex() == case["digest"][2:], case["name"]
    assert outcomes["agreed"] >= 4, outcomes
    assert sum(outcomes.values()) == 26


def test_hash_struct_agrees_with_eth_account_or_refuses() -> None:
    outcomes: Counter[str] = Counter()
    for name, case in json.loads(public_data("vectors/eip712/eth-account-valid.json").read_bytes()).items():
        types = {kind: members for kind, members in case["types"].items() if kind != "EIP712Domain"}
        message = encode_typed_data(full_message=case)
        try:
            digest = digest_of(types, case["primaryType"], case["domain"], case["message"])
        except (FieldError, ValueError):  # the latter: a member's name with a space in it
            outcomes["refused"] += 1
            assert foreign_types(types, case["primaryType"]), name
            continue
        outcomes["agreed"] += 1
        assert digest == keccak(b"\x19" + message.version + message.header + message.body), name
    assert outcomes["agreed"] >= 3, outcomes


def digest_of(types: Types, primary: str, domain: dict[str, Any], message: dict[str, Any]) -> bytes:
    fields = [{"name": name, "type": kind} for name, kind in DOMAIN.items() if name in domain]
    separator = struct_hash({"EIP712Domain": fields}, "EIP712Domain", domain)
    return keccak(b"\x19\x01" + separator + struct_hash(types, primary, message))


def struct_hash(types: Types, name: str, message: dict[str, Any]) -> bytes:
    """By our functions: they take a struct within a struct by its hash, which is a word."""
    parsed = parse_struct_type(text_of(types, name))
    kinds = tuple(("bytes32" if kind in types else kind, member) for kind, member in parsed.fields)
    values = [word_of(types, kind, message[member]) for kind, member in parsed.fields]
    return hash_struct(StructType(kinds, parsed.type_hash), values)


def word_of(types: Types, kind: str, value: Any) -> Any:
    if kind in types:
        return struct_hash(types, kind, value)
    if kind.endswith("[]") and kind[:-2] in types:
        return [struct_hash(types, kind[:-2], one) for one in value]
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value[2:])
    if kind.startswith(("uint", "int")) and isinstance(value, str):
        return int(value, 0)
    return value


def text_of(types: Types, name: str) -> str:
    """encodeType: the struct, then those that it refers to in order of their names."""
    return "".join(own_text(types, one) for one in (name, *sorted(reached(types, name) - {name})))


def own_text(types: Types, name: str) -> str:
    return f"{name}({','.join(one['type'] + ' ' + one['name'] for one in types[name])})"


def reached(types: Types, name: str) -> set[str]:
    """The struct and all that it refers to."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in types and one not in found:
            found.add(one)
            waiting += [re.sub(r"\[.*", "", member["type"]) for member in types[one]]
    return found


def foreign_types(types: Types, primary: str) -> set[str]:
    """The member types that we refuse, and the names that our reader of types cannot part."""
    members = [member for name in reached(types, primary) for member in types[name]]
    ours = re.compile(r"bool|string|address|bytes32|uint\d+|bytes32\[\]")
    structs = {*types, *(f"{name}[]" for name in types)}
    return {
        one["type"]
        for one in members
        if not one["name"].isidentifier() or (not ours.fullmatch(one["type"]) and one["type"] not in structs)
    }


# ---- RFC 6962 and 9162, whose hash is SHA-256 and ours keccak: the shape is one ----


def sha256_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


REFERENCE = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
"""The eight leaves from which Certificate Transparency's reference vectors are made."""


def inclusion_cases() -> list[dict[str, Any]]:
    lines = public_data("vectors/merkle/rfc6962-inclusion.sample.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def test_root_from_path_gives_the_verdict_of_each_inclusion_vector() -> None:
    cases = inclusion_cases()
    assert {case["wantErr"] for case in cases} == {True, False}
    for case in cases:
        assert is_included(case) == (not case["wantErr"]), case["case"]


def is_included(case: dict[str, Any]) -> bool:
    path = [decoded(one) for one in case["proof"] or ()]
    try:
        leaf, index, size = decoded(case["leafHash"]), case["leafIdx"], case["treeSize"]
        found = merkle.root_from_path(leaf, index, size, path, node=sha256_node)
    except VerificationError:
        return False
    return found == decoded(case["root"])


def test_tree_with_sha_256_has_the_roots_and_paths_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "node_hash", sha256_node)
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(one)).digest() for one in REFERENCE]
    true = [case for case in inclusion_cases() if not case["wantErr"] and case["treeSize"] <= len(leaves)]
    assert true
    for case in true:
        tree = merkle.Tree(leaves[: case["treeSize"]])
        assert tree.root == decoded(case["root"])
        assert leaves[case["leafIdx"]] == decoded(case["leafHash"])
        assert list(tree.inclusion_proof(case["leafIdx"])) == [decoded(one) for one in case["proof"] or ()]


@pytest.mark.parametrize("name", ["sorted", "unsorted"])
def test_tree_is_not_openzeppelins(name: str) -> None:
    """One of their roots is never taken for one of ours, over the same leaf hashes."""
    dump = json.loads(public_data(f"vectors/merkle/oz-standard-v1.{name}.json").read_bytes())
    nodes = [bytes.fromhex(one[2:]) for one in dump["tree"]]
    leaves = [nodes[one["treeIndex"]] for one in dump["values"]]
    assert keccak(b"".join(sorted(nodes[1:3]))) == nodes[0], "theirs: children sorted, no tag"
    for order in (leaves, sorted(leaves)):
        assert merkle.root(order) != nodes[0]
