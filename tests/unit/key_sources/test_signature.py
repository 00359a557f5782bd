from __future__ import annotations

import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N

from cityledger.errors import KeyringError
from cityledger.key_sources.signature import canonical_signature
from cityledger.signing import LocalSigner

ALICE = Account.from_key("0x" + "01" * 32)
BOB = Account.from_key("0x" + "02" * 32)


@pytest.mark.parametrize("number", range(8))
def test_canonical_signature_is_the_local_one_from_either_s(number: int) -> None:
    preimage = number.to_bytes(4, "big")
    expected = LocalSigner(ALICE).sign(preimage)
    r, s = expected[:32], int.from_bytes(expected[32:64], "big")
    high = r + (SECPK1_N - s).to_bytes(32, "big")
    assert canonical_signature(ALICE.address, preimage, expected[:64]) == expected
    assert canonical_signature(ALICE.address, preimage, high) == expected


@pytest.mark.parametrize("rs", [LocalSigner(BOB).sign(b"one")[:64], b"\0" * 64, b"\xff" * 64])
def test_canonical_signature_refuses_another_accounts(rs: bytes) -> None:
    with pytest.raises(KeyringError, match="another account's signature"):
        canonical_signature(ALICE.address, b"one", rs)
