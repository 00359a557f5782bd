from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.merkle import (
    MAX_BATCH_LEAVES,
    Tree,
    inclusion_proof,
    node_hash,
    root,
    root_from_path,
    verify_inclusion,
)
from cityledger.types import LeafHash
from support.imports.public_data import public_data
from support.vector_files import load_vectors, unhex


def leaf(index: int) -> LeafHash:
    return LeafHash(keccak(b"\0" + index.to_bytes(32, "big")))


def leaves(size: int) -> list[LeafHash]:
    return [leaf(index) for index in range(size)]


def arguments(vector: dict[str, Any]) -> tuple[LeafHash, int, int, list[bytes], bytes]:
    path = [unhex(sibling) for sibling in vector["path"]]
    return LeafHash(unhex(vector["leaf"])), vector["index"], vector["size"], path, unhex(vector["root"])


@pytest.mark.parametrize("vector", load_vectors("merkle.json", "ok"))
def test_verify_inclusion_accepts_vectors(vector: dict[str, Any]) -> None:
    verify_inclusion(*arguments(vector))


@pytest.mark.parametrize("vector", load_vectors("merkle.json", "refuse"))
def test_verify_inclusion_refuses_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        verify_inclusion(*arguments(vector))


def test_tree_makes_the_vectors_paths() -> None:
    trees = {}
    for parameter in load_vectors("merkle.json", "ok"):
        if " told as " in parameter.id:
            continue
        hashed, index, size, path, expected_root = arguments(parameter.values[0])
        if size not in trees:
            trees[size] = Tree(leaves(size))
        tree = trees[size]
        assert (leaf(index), list(tree.inclusion_proof(index)), tree.root) == (hashed, path, expected_root)


def recursive_root(hashes: list[LeafHash]) -> bytes:
    """RFC 9162 §2.1.1 as it is written: split at the largest power of two below n."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


@given(st.integers(1, 130))
def test_root_is_rfc9162s(size: int) -> None:
    assert root(leaves(size)) == recursive_root(leaves(size))


@given(st.integers(1, 70), st.data())
def test_inclusion_holds_for_its_own_index_only(size: int, data: st.DataObject) -> None:
    tree = Tree(leaves(size))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion_proof(index)
    assert path == inclusion_proof(index, leaves(size))
    verify_inclusion(leaf(index), index, size, path, tree.root)
    other = data.draw(st.integers(-1, 2 * size).filter(lambda i: i != index))
    with pytest.raises(VerificationError):
        verify_inclusion(leaf(index), other, size, path, tree.root)


@given(st.integers(2, 70), st.data())
def test_inclusion_refuses_any_changed_path(size: int, data: st.DataObject) -> None:
    tree = Tree(leaves(size))
    index = data.draw(st.integers(0, size - 1))
    path = list(tree.inclusion_proof(index))
    at = data.draw(st.integers(0, len(path) - 1))
    changes = [path[:at] + path[at + 1 :], [*path[:at], leaf(999), *path[at:]]]
    changes.append([*path[:at], leaf(999), *path[at + 1 :]])
    for changed in changes:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf(index), index, size, changed, tree.root)


@pytest.mark.parametrize("count", [0, MAX_BATCH_LEAVES + 1])
def test_tree_refuses_other_counts(count: int) -> None:
    with pytest.raises(ValueError, match="a batch holds 1 to 65536 leaves"):
        Tree([b"x" * 32] * count)


@pytest.mark.parametrize("index", [-1, 3])
def test_tree_has_no_leaf_outside(index: int) -> None:
    with pytest.raises(IndexError):
        Tree(leaves(3)).inclusion_proof(index)


def test_root_from_path_agrees_with_certificate_transparency() -> None:
    """The shape of the check, with SHA-256 in place of keccak."""
    lines = public_data("vectors/merkle/rfc6962-inclusion.sample.jsonl").read_text("utf-8").splitlines()
    for case in map(json.loads, lines):
        path = [base64.b64decode(item) for item in case["proof"] or []]
        found = base64.b64decode(case["leafHash"] or ""), case["leafIdx"], case["treeSize"], path
        if case["wantErr"]:
            with pytest.raises((VerificationError, AssertionError)):
                assert root_from_path(*found, sha256_node) == base64.b64decode(case["root"] or "")
        else:
            assert root_from_path(*found, sha256_node) == base64.b64decode(case["root"])


def sha256_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
