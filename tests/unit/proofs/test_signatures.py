"""The one form of a signature, against the vectors."""

from __future__ import annotations

from typing import Any

import pytest

from cityledger.errors import VerificationError
from cityledger.proofs.signatures import recover_signer
from support.vector_files import load_vectors, unhex


def of_kind(expect: str) -> list[Any]:
    found = [one for one in load_vectors("receipts.json", expect) if one.values[0]["kind"] == "signature"]
    assert found
    return found


@pytest.mark.parametrize("vector", of_kind("ok"))
def test_recover_signer_finds_the_account(vector: dict[str, Any]) -> None:
    signer = recover_signer(unhex(vector["signingDigest"]), unhex(vector["signature"]))
    assert signer == vector["operator"]


@pytest.mark.parametrize("vector", of_kind("refuse"))
def test_recover_signer_refuses_other_forms(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError, match="signature"):
        recover_signer(unhex(vector["signingDigest"]), unhex(vector["signature"]))
