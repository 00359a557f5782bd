"""Both verifiers took -0 for 0, an empty list of openings, part names over 32 bytes, and impossible read
numbers."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from cityledger.errors import VerificationError
from cityledger.proofs.proof_file import parse_proof
from cityledger.proofs.verify import verify_proof
from support.script_modules import load_script
from support.vector_files import load_vectors

NAMES = ("-0 as the index", "-0 as a part's number", "openings is empty", "part name of 33 bytes")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("verify_proof")


def named(name: str) -> dict[str, Any]:
    (found,) = [one.values[0] for one in load_vectors("proof_files.json") if one.values[0]["name"] == name]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_both_verifiers_refuse_the_other_form(script: ModuleType, name: str) -> None:
    data = named(name)["file"].encode()
    with pytest.raises(VerificationError):
        verify_proof(parse_proof(data))
    with pytest.raises(script.NotVerifiedError):
        script.load(data)


def test_both_verifiers_refuse_an_impossible_read_number(script: ModuleType) -> None:
    data = named("receipt leaf")["file"].replace('"readNo": "2"', '"readNo": "7"').encode()
    with pytest.raises(VerificationError, match="readNo"):
        parse_proof(data)
    with pytest.raises(script.NotVerifiedError, match="readNo"):
        script.load(data)
