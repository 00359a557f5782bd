"""A tombstone as it is stored outside of the database, so that no restored backup restores an erased key.

It names the erased leaf, and is signed: an attacker that can only write to the bucket destroys nothing.
Source: SPEC.md §5, "Tombstone objects".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from cityledger.errors import FieldError
from cityledger.keccak import keccak
from cityledger.proofs.json_values import read_object, read_value, write_value
from cityledger.proofs.leaf_json import leaf_from_json, leaf_to_json
from cityledger.proofs.leaves import ReceiptDomain, Tombstone
from cityledger.proofs.signatures import recover_signer
from cityledger.proofs.typed_data import hash_struct, parse_struct_type
from cityledger.signing import Account, as_signer
from cityledger.strict_json import parse
from cityledger.types import Address, LogId

FORMAT = "cityledger-tombstone/1"
TOMBSTONE_OBJECT_TEXT = "TombstoneObject(bytes32 tombstone,uint64 erasedLog,uint64 erasedSeq)"
MAX_BYTES = 4_096
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")
_STRUCT = parse_struct_type(TOMBSTONE_OBJECT_TEXT)
_MEMBERS = ("format", "leaf", "erasedLog", "erasedSeq", "signature")


@dataclass(frozen=True, slots=True)
class TombstoneObject:
    """``leaf`` as it was numbered, the position of the leaf that it erased, and the operator's signature."""

    leaf: Tombstone
    erased_log: LogId
    erased_seq: int
    signature: bytes = b""

    def preimage(self, domain: ReceiptDomain) -> bytes:
        """The bytes that the operator signs (EIP-712), before they are hashed."""
        return domain.preimage(
            hash_struct(_STRUCT, (self.leaf.struct_hash(), self.erased_log, self.erased_seq))
        )


def signed(one: TombstoneObject, domain: ReceiptDomain, account: Account) -> TombstoneObject:
    """The object with the operator's signature, r ‖ s ‖ v."""
    signature = as_signer(account).sign(one.preimage(domain))
    return TombstoneObject(one.leaf, one.erased_log, one.erased_seq, signature)


def signer_of(one: TombstoneObject, domain: ReceiptDomain) -> Address:
    """The account that signed it; the caller compares it with its own.

    Raises:
        VerificationError: the signature fits no account.
    """
    return recover_signer(keccak(one.preimage(domain)), one.signature)


def object_key(operator: Address, log: LogId, seq: int) -> str:
    """The object key of the tombstone with this number."""
    return f"tombstones/{operator.lower()}/{log}/{seq}.json"


def to_bytes(one: TombstoneObject) -> bytes:
    """Canonical JSON: one text for one value."""
    view = {
        "format": FORMAT,
        "leaf": leaf_to_json(one.leaf),
        "erasedLog": write_value("uint64", one.erased_log),
        "erasedSeq": write_value("uint64", one.erased_seq),
        "signature": "0x" + one.signature.hex(),
    }
    return json.dumps(view, sort_keys=True, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> TombstoneObject:
    """The object that ``to_bytes`` wrote; its signature is not checked.

    Raises:
        InputError: not strict JSON, or not an object of this format; names the field.
    """
    members = read_object(parse(data, max_bytes=MAX_BYTES, minus_zero=False), "", _MEMBERS)
    if members["format"] != FORMAT:
        raise FieldError("format", f"is not {FORMAT}")
    leaf = leaf_from_json(members["leaf"])
    if not isinstance(leaf, Tombstone):
        raise FieldError("leaf.type", "is not Tombstone")
    log = read_value("uint64", "erasedLog", members["erasedLog"])
    seq = read_value("uint64", "erasedSeq", members["erasedSeq"])
    return TombstoneObject(leaf, LogId(int(str(log))), int(str(seq)), _signature(members["signature"]))


def _signature(value: object) -> bytes:
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise FieldError("signature", "is not 0x and 65 bytes in lower-case hex")
    return bytes.fromhex(value[2:])
