from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.revocations.signed_list import verify_revocation_list
from cityledger.errors import CredentialError
from support.vector_files import load_vectors, unhex


@pytest.mark.parametrize("vector", load_vectors("revocations.json", "ok"))
def test_revocation_list_agrees_with_vectors(vector: dict[str, Any]) -> None:
    said = verify_revocation_list(vector["signed"], instance=unhex(vector["instance"]), now=vector["now"])
    entries = [{"sub": one.officer, **({"system": one.system} if one.system else {})} for one in said.revoked]
    assert (said.key, said.seq, entries) == (unhex(vector["thumbprint"]), vector["seq"], vector["revoked"])


@pytest.mark.parametrize("vector", load_vectors("revocations.json", "refuse"))
def test_revocation_list_refuses_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(CredentialError):
        verify_revocation_list(vector["signed"], instance=unhex(vector["instance"]), now=vector["now"])
