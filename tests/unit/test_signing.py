from __future__ import annotations

from eth_account import Account

from cityledger.keccak import keccak
from cityledger.proofs.signatures import recover_signer
from cityledger.signing import LocalSigner, as_signer

ALICE = Account.from_key("0x" + "01" * 32)


def test_local_signer_signs_the_hash_of_the_preimage() -> None:
    signature = LocalSigner(ALICE).sign(b"preimage")
    assert recover_signer(keccak(b"preimage"), signature) == ALICE.address


def test_as_signer_keeps_a_signer_and_wraps_an_account() -> None:
    signer = LocalSigner(ALICE)
    assert as_signer(signer) is signer
    assert as_signer(ALICE) == signer
