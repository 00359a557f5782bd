from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import VerificationError
from cityledger.proofs.leaves import RecordLeaf
from cityledger.proofs.proof_file import PartOpening, format_proof, parse_proof
from cityledger.proofs.verify import verify_proof
from cityledger.types import SubjectId
from support.vector_files import load_vectors, unhex

GOOD = load_vectors("proof_files.json", "ok")


def file_of(vector: dict[str, Any]) -> bytes:
    """The bytes of a vector's file; the same rule as in test_verify_proof_script.py."""
    if "fileHex" in vector:
        return unhex(vector["fileHex"])
    data: bytes = vector["file"].encode("utf-8", "surrogatepass")
    return data.ljust(vector.get("padTo", 0))


@pytest.mark.parametrize("vector", GOOD)
def test_parse_proof_reads_what_format_proof_wrote(vector: dict[str, Any]) -> None:
    proof = parse_proof(file_of(vector))
    assert parse_proof(format_proof(proof)) == proof


@pytest.mark.parametrize("vector", load_vectors("proof_files.json", "refuse"))
def test_parse_or_verify_refuses_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        verify_proof(parse_proof(file_of(vector)))


def test_parse_proof_names_the_member() -> None:
    text = file_of(GOOD[0].values[0]).replace(b'"count": 7', b'"count": "7"')
    with pytest.raises(VerificationError, match=r"^not a proof file: tree\.count: is not uint32"):
        parse_proof(text)


def test_format_proof_refuses_more_than64_kilobytes() -> None:
    proof = parse_proof(file_of(GOOD[0].values[0]))
    many = tuple(SubjectId(i.to_bytes(32, "big")) for i in range(1, 1001))
    assert isinstance(proof.leaf, RecordLeaf)
    with pytest.raises(VerificationError, match="over 65536 bytes"):
        format_proof(dataclasses.replace(proof, leaf=dataclasses.replace(proof.leaf, subjects=many)))


def test_repr_of_part_opening_shows_no_key() -> None:
    assert repr(PartOpening(0, b"o" * 32)) == "PartOpening(part=0)"


@given(st.integers(0, 3000), st.integers(0, 127))
def test_parse_proof_never_raises_anything_else(at: int, byte: int) -> None:
    data = bytearray(file_of(GOOD[0].values[0]))
    data[at % len(data)] = byte
    with contextlib.suppress(VerificationError):
        parse_proof(bytes(data))
