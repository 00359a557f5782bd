"""The only accepted form of an account's signature. Source: SPEC.md §3, "Signatures"."""

from __future__ import annotations

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from cityledger.errors import VerificationError
from cityledger.types import Address

SIGNATURE_BYTES = 65
_HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


def recover_signer(digest: bytes, signature: bytes) -> Address:
    """Returns the account that signed a digest of 32 bytes; the caller compares it with the one expected.

    A second form of the same signature is refused: otherwise one signature would have two forms to store and
    compare.

    Raises:
        VerificationError: not 65 bytes r ‖ s ‖ v, v is not 27 or 28, s is in the upper half of the curve's
            order, or no account fits.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in (27, 28):
        raise VerificationError("a signature is 65 bytes ending in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise VerificationError("a signature has its s in the lower half")
    try:
        signed = Signature(signature[:64] + bytes([signature[-1] - 27]))
        public_key = signed.recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise VerificationError("a signature fits no account") from error
    return Address(public_key.to_checksum_address())
