"""The answers that the SDK's calls return. Ids are bytes, times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityledger.opening import LongPart, SealedRelease
from cityledger.proofs.leaves import RecordLeaf
from cityledger.proofs.proof_file import Proof
from cityledger.proofs.receipts import SignedReceipt
from cityledger.proofs.verify import Verdict
from cityledger.types import (
    Action,
    Address,
    AgencyId,
    BatchState,
    DatasetId,
    DatasetStatus,
    LeafHash,
    LogId,
    Purpose,
    RecordId,
    Role,
    SubjectId,
    Terms,
)


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node's description of itself, unproven. ``agencies`` are those whose keys it has."""

    instance: bytes
    chain_id: int
    contracts: Mapping[str, Address]
    siwe_domain: str
    agencies: tuple[AgencyId, ...]


@dataclass(frozen=True, slots=True)
class WhoAmI:
    agency: AgencyId
    role: Role
    officer: str
    account: Address | None
    system: str
    credential_until: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class RevokedOfficer:
    """``system`` is None where the officer is revoked in every system."""

    sub: str
    system: str | None


@dataclass(frozen=True, slots=True)
class Revocations:
    """The officers that an agency no longer vouches for; ``seq`` is that of the last list which its
    registered key signed, 0 for none."""

    seq: int
    revoked: tuple[RevokedOfficer, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """``parts`` are in order of their part bits; ``pending_terms`` apply from ``pending_since``."""

    dataset: DatasetId
    provider: AgencyId
    path: str
    title: str
    local_title: str
    profile: str
    parts: tuple[str, ...]
    schema: bytes
    retention_seconds: int
    dispute_period_seconds: int
    status: DatasetStatus
    terms: Terms
    pending_terms: Terms | None
    pending_since: int | None


@dataclass(frozen=True, slots=True)
class LeafPlace:
    """The place of a leaf in its log."""

    log: LogId
    seq: int
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class Written:
    """A version that is durable and numbered; it is anchored with the next batch."""

    dataset: DatasetId
    record: RecordId
    version: int
    log: LogId
    seq: int
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class Attachment:
    """A binary part that is present; ``get_part`` fetches it. ``bytes`` is None for a long one, whose length
    is known only once it is opened."""

    bytes: int | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Record:
    """``parts`` contains the payload bytes exactly as they were written. ``receipts`` are the digests of the
    receipts that this read left, one for each subject."""

    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]
    parts: Mapping[str, bytes]
    receipts: tuple[bytes, ...]
    decision: str
    attachments: Mapping[str, Attachment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FhirRecord:
    """``data`` is one resource exactly as it was written, or a Bundle of type ``collection`` around several.
    ``receipts`` and ``decision`` are as in ``Record``."""

    version: int
    data: bytes
    receipts: tuple[bytes, ...]
    decision: str


@dataclass(frozen=True, slots=True)
class FoundRecord:
    record: RecordId
    version: int
    written_at: int
    log: LogId
    seq: int
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class HistoryVersion:
    """``state`` is None while the batch is open. A ``withdrawn`` version ended the record there.
    ``is_head`` says that this version is the record's current head on chain.
    """

    version: int
    written_at: int
    erased: bool
    withdrawn: bool
    state: BatchState | None
    is_head: bool
    log: LogId
    seq: int
    leaf_hash: LeafHash


@dataclass(frozen=True, slots=True)
class LongPartPlace:
    """A released part that was not included: the length of its ciphertext in bytes, and its path on the
    node."""

    sealed_bytes: int
    href: str


@dataclass(frozen=True, slots=True)
class Release:
    """A sealed release as it was received, with the receipts to which it is bound; nothing is checked yet.
    ``places`` of long parts are by part bit number.
    """

    sealed: SealedRelease
    receipts: tuple[SignedReceipt, ...]
    places: Mapping[int, LongPartPlace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """A release that was opened here after every check. ``openings``, by part bit, prove payloads to others.
    ``signer`` signed all receipts. ``long_parts`` were not included in the release."""

    leaf: RecordLeaf
    parts: Mapping[str, bytes]
    openings: Mapping[int, bytes]
    receipts: tuple[SignedReceipt, ...]
    signer: Address
    long_parts: Mapping[str, LongPart] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProvenFile:
    """A proof file's bytes, its contents, and how much of it was verified."""

    data: bytes
    proof: Proof
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ErasureProof:
    """Both files that prove an erasure, each verified: a tombstone names the leaf that it erased by its hash
    only."""

    tombstone: ProvenFile
    erased: ProvenFile


@dataclass(frozen=True, slots=True)
class Mined:
    """The transaction of a call, and the number of the block that contains it."""

    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """A decision of the rules, as far as it may be disclosed to the caller; ``code`` None is "not found"."""

    permit: bool
    code: int | None
    rule: int | None
    reason: str | None
    basis: bytes | None
    block: int
    at: int


@dataclass(frozen=True, slots=True)
class ListedGrant:
    """``live`` says whether the grant applies now; with ``until`` None it has no end."""

    dataset: DatasetId
    provider: AgencyId
    consumer: AgencyId
    purpose: Purpose
    grant: bytes
    parts: tuple[str, ...]
    since: int
    until: int | None
    live: bool


@dataclass(frozen=True, slots=True)
class Read:
    """One read. ``whole`` is the signed receipt, None where the caller's own request was denied; then
    ``code`` is the code that was disclosed to it, None for "not found"."""

    at: int
    action: Action
    permit: bool
    code: int | None
    provider: AgencyId
    consumer: AgencyId
    officer: str
    system: str
    represents: AgencyId | None
    case_digest: bytes
    dataset: DatasetId
    record: RecordId
    purpose: Purpose
    whole: SignedReceipt | None


@dataclass(frozen=True, slots=True)
class ReadsPage:
    """``next`` continues the list, None at its end."""

    reads: tuple[Read, ...]
    next: str | None
