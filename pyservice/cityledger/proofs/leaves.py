"""The leaves of both kinds of log, and the receipt that a receipt leaf commits to. Source: SPEC.md §3.

The texts below are authoritative: type hashes, field order and ranges are computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from cityledger.errors import FieldError
from cityledger.keccak import keccak
from cityledger.proofs.signatures import recover_signer
from cityledger.proofs.typed_data import encode_text, hash_struct, parse_struct_type
from cityledger.signing import Account, as_signer
from cityledger.types import (
    NO_SUBJECT,
    ZERO32,
    Action,
    Address,
    AgencyId,
    DatasetId,
    ErasureReason,
    Kem,
    LeafHash,
    LogId,
    Purpose,
    RecordId,
    SubjectId,
)

PART_TEXT = "Part(bytes32 nameHash,bytes32 ciphertextDigest,bytes32 commitment)"
RECORD_LEAF_TEXT = (
    "RecordLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 dataset,bytes32 record,uint32 version,"
    "bytes32[] subjects,bytes32 schema,Part[] parts)" + PART_TEXT
)
TOMBSTONE_TEXT = (
    "Tombstone(bytes32 instance,uint64 log,uint64 seq,bytes32 erasedLeaf,uint8 reason,"
    "uint40 erasedAt,uint40 unrecoverableAt)"
)
RECEIPT_LEAF_TEXT = (
    "ReceiptLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 receipt,bytes32 previous,"
    "uint64 readNo,bytes32 prevReadOfRecord)"
)
RECEIPT_TEXT = (
    "Receipt(bytes32 instance,address policy,uint64 log,uint64 blockNumber,bytes32 blockHash,uint40 at,"
    "uint8 action,bool permit,uint8 code,bytes32 grantId,bytes32 artefactId,uint32 facts,uint32 provider,"
    "uint32 consumer,string officer,string system,uint32 represents,bytes32 caseDigest,bytes32 dataset,"
    "bytes32 record,uint32 version,bytes32 subject,bytes32 purpose,uint8 parts,bytes32 recordLeaf,uint8 kem,"
    "bytes32 sealingKeyDigest,bytes32 salt)"
)
DOMAIN_TEXT = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

MAX_PART_NAME_BYTES = 32

PART = parse_struct_type(PART_TEXT)
RECORD_LEAF = parse_struct_type(RECORD_LEAF_TEXT)
TOMBSTONE = parse_struct_type(TOMBSTONE_TEXT)
RECEIPT_LEAF = parse_struct_type(RECEIPT_LEAF_TEXT)
RECEIPT = parse_struct_type(RECEIPT_TEXT)
DOMAIN = parse_struct_type(DOMAIN_TEXT)


@dataclass(frozen=True, slots=True)
class PartLeaf:
    """One part in a record leaf. The digests are those of ``sealing.envelope``; the leaf holds the name's
    hash."""

    name: str
    ciphertext_digest: bytes
    commitment: bytes

    def __post_init__(self) -> None:
        if not 1 <= len(encode_text("name", self.name)) <= MAX_PART_NAME_BYTES:
            raise FieldError("name", f"is not 1 to {MAX_PART_NAME_BYTES} bytes of UTF-8")
        self.struct_hash()

    @property
    def name_hash(self) -> bytes:
        """keccak of the name in UTF-8."""
        return keccak(encode_text("name", self.name))

    def struct_hash(self) -> bytes:
        """32 bytes, without a domain."""
        return hash_struct(PART, (self.name_hash, self.ciphertext_digest, self.commitment))


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """One version of one record. ``subjects`` ascend; ``parts`` are 1 to 8, in part-bit order, every part of
    the dataset.

    Raises:
        FieldError: a field is out of its range, or subjects or parts are not as above.
    """

    instance: bytes
    log: LogId
    seq: int
    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]
    schema: bytes
    parts: tuple[PartLeaf, ...]

    def __post_init__(self) -> None:
        self.struct_hash()
        _require_at_least_one(self, "log", "version")
        if list(self.subjects) != sorted(set(self.subjects)) or NO_SUBJECT in self.subjects:
            raise FieldError("subjects", "are not ascending without repeats and without 0")
        if not 1 <= len(self.parts) <= 8:
            raise FieldError("parts", "are not 1 to 8")
        if len({part.name for part in self.parts}) != len(self.parts):
            raise FieldError("parts", "repeat a name")

    def struct_hash(self) -> bytes:
        """32 bytes, without a domain."""
        parts = [part.struct_hash() for part in self.parts]
        return hash_struct(RECORD_LEAF, (*_values(self)[:-1], parts))


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The erasure of one leaf. It is valid only for a leaf of the same agency (SPEC.md §3). Times are Unix
    seconds; 0 ≤ erased_at ≤ unrecoverable_at.

    Raises:
        FieldError: a field is out of its range.
    """

    instance: bytes
    log: LogId
    seq: int
    erased_leaf: LeafHash
    reason: ErasureReason
    erased_at: int
    unrecoverable_at: int

    def __post_init__(self) -> None:
        self.struct_hash()
        _require_at_least_one(self, "log")
        if self.reason not in tuple(ErasureReason):
            raise FieldError("reason", "is not one of 1 to 4")
        if self.unrecoverable_at < self.erased_at:
            raise FieldError("unrecoverableAt", "is before erasedAt")

    def struct_hash(self) -> bytes:
        """32 bytes, without a domain."""
        return hash_struct(TOMBSTONE, _values(self))


@dataclass(frozen=True, slots=True)
class ReceiptLeaf:
    """One receipt's place in its log. ``receipt`` is the receipt's struct hash; ``read_no`` counts from 1 per
    (log, record), so it is at most ``seq`` + 1.

    Raises:
        FieldError: a field is out of its range, or a first leaf or read names one before it, or a later one
            none.
    """

    instance: bytes
    log: LogId
    seq: int
    receipt: bytes
    previous: LeafHash
    read_no: int
    prev_read_of_record: LeafHash

    def __post_init__(self) -> None:
        self.struct_hash()
        _require_at_least_one(self, "log", "read_no")
        if (self.seq == 0) != (self.previous == ZERO32):
            raise FieldError("previous", "is 0 for the first leaf of a log and only for it")
        if (self.read_no == 1) != (self.prev_read_of_record == ZERO32):
            raise FieldError("prevReadOfRecord", "is 0 for the first read of a record and only for it")
        if self.read_no > self.seq + 1:
            raise FieldError("readNo", "is more than the log had numbered")

    def struct_hash(self) -> bytes:
        """32 bytes, without a domain."""
        return hash_struct(RECEIPT_LEAF, _values(self))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The decision for one subject of one read, as in SPEC.md §3. ``salt`` is 32 random bytes.

    Raises:
        FieldError: a field is out of its range.
    """

    instance: bytes
    policy: Address
    log: LogId
    block_number: int
    block_hash: bytes
    at: int
    action: Action
    permit: bool
    code: int
    grant_id: bytes
    artefact_id: bytes
    facts: int
    provider: AgencyId
    consumer: AgencyId
    officer: str
    system: str
    represents: AgencyId
    case_digest: bytes
    dataset: DatasetId
    record: RecordId
    version: int
    subject: SubjectId
    purpose: Purpose
    parts: int
    record_leaf: LeafHash
    kem: Kem
    sealing_key_digest: bytes
    salt: bytes

    def __post_init__(self) -> None:
        self.struct_hash()
        if self.action not in tuple(Action):
            raise FieldError("action", "is not one of 1 to 13")
        if self.kem not in tuple(Kem):
            raise FieldError("kem", "is not one of 0 to 2")
        if (self.kem == Kem.NONE) != (self.sealing_key_digest == ZERO32):
            raise FieldError("sealingKeyDigest", "is 0 exactly when kem is 0")

    def struct_hash(self) -> bytes:
        """The receipt digest: 32 bytes, without a domain."""
        return hash_struct(RECEIPT, _values(self))


Leaf = RecordLeaf | Tombstone | ReceiptLeaf


@dataclass(frozen=True, slots=True)
class ReceiptDomain:
    """The EIP-712 domain that receipts are signed in. ``ledger`` is the address of ``RecordLedger``."""

    chain_id: int
    ledger: Address

    def separator(self) -> bytes:
        """``hashStruct`` of the domain, 32 bytes."""
        return hash_struct(DOMAIN, ("cityledger", "1", self.chain_id, self.ledger))

    def preimage(self, struct_hash: bytes) -> bytes:
        """19 01 ‖ domain separator ‖ struct hash: what EIP-712 hashes and signs."""
        return b"\x19\x01" + self.separator() + struct_hash


def leaf_hash(struct_hash: bytes) -> LeafHash:
    """keccak(00 ‖ struct hash): a leaf of the tree, distinct from every node (65 bytes with its tag)."""
    return LeafHash(keccak(b"\0" + struct_hash))


def receipt_signing_digest(receipt: Receipt, domain: ReceiptDomain) -> bytes:
    """The digest that the log's operator signs, 32 bytes (EIP-712)."""
    return keccak(domain.preimage(receipt.struct_hash()))


def sign_receipt(receipt: Receipt, domain: ReceiptDomain, account: Account) -> bytes:
    """The operator's signature, r ‖ s ‖ v, 65 bytes; v is 27 or 28."""
    return as_signer(account).sign(domain.preimage(receipt.struct_hash()))


def recover_receipt_signer(receipt: Receipt, domain: ReceiptDomain, signature: bytes) -> Address:
    """The account that signed the receipt; the caller compares it with the log's operator.

    Raises: as ``recover_signer``.
    """
    return recover_signer(receipt_signing_digest(receipt, domain), signature)


def json_name(attribute: str) -> str:
    """``blockNumber`` for ``block_number``: the name in the type's text and in JSON."""
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _values(leaf: Leaf | Receipt) -> tuple[object, ...]:
    return tuple(getattr(leaf, field.name) for field in fields(leaf))


def _require_at_least_one(leaf: Leaf, *names: str) -> None:
    for name in names:
        if getattr(leaf, name) < 1:
            raise FieldError(json_name(name), "counts from 1")
