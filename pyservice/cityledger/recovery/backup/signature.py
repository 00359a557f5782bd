"""Signs the manifest of a backup with the operator's account, and checks that signature. Source: SPEC.md §8.

The manifest holds the digest of every file, so no row of the backup can be changed without signing it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace

from cityledger.errors import VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.proofs.signatures import recover_signer
from cityledger.proofs.typed_data import hash_struct, parse_struct_type
from cityledger.recovery.backup.manifest import BackupManifest, canonical_bytes
from cityledger.signing import Account, as_signer
from cityledger.types import Address

BACKUP_TEXT = "BackupManifest(bytes32 instance,uint40 madeAt,bytes32 manifest)"
_STRUCT = parse_struct_type(BACKUP_TEXT)


def signed(manifest: BackupManifest, account: Account) -> BackupManifest:
    """The manifest with the account as its operator, and that account's signature.

    Raises:
        KeyUnavailableError, KeyringError: the key cannot sign now.
    """
    named = replace(manifest, operator=account.address, signature="")
    return replace(named, signature="0x" + as_signer(account).sign(_preimage(named)).hex())


def verify_signed_by(manifest: BackupManifest, accounts: Collection[Address]) -> None:
    """Checks the operator's signature over the whole manifest.

    Raises:
        VerificationError: it is not by the operator that the manifest names, or that is not one of
            ``accounts``.
    """
    try:
        signature = bytes.fromhex(manifest.signature.removeprefix("0x"))
        signer = recover_signer(keccak(_preimage(manifest)), signature)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise VerificationError("the backup's manifest is not signed") from error
    if signer != manifest.operator:
        raise VerificationError("the backup's manifest is not signed by the operator that it names")
    if signer not in accounts:
        raise VerificationError(f"the backup's manifest is signed by {signer}, an unknown account")


def _preimage(manifest: BackupManifest) -> bytes:
    content = hashlib.sha256(canonical_bytes(replace(manifest, signature=""))).digest()
    domain = ReceiptDomain(manifest.chain_id, Address(manifest.ledger))
    instance = bytes.fromhex(manifest.instance.removeprefix("0x"))
    return domain.preimage(hash_struct(_STRUCT, (instance, manifest.made_at, content)))
