"""The terms of the protocol as types. No behaviour, no I/O; every other module may import this one.

Numbers are those of ``contracts/SPEC.md`` and of the Solidity enums; a change here is a change of protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NewType

AgencyId = NewType("AgencyId", int)
"""uint32, counted from 1 in order of admission; 0 means none."""
MAX_AGENCY = AgencyId(2**32 - 1)
LogId = NewType("LogId", int)
"""uint64, counted from 1; 0 means none."""
DatasetId = NewType("DatasetId", bytes)
"""32 bytes; see SPEC.md §1."""
RecordId = NewType("RecordId", bytes)
"""32 bytes: HMAC of the provider's own id; 32 zero bytes name no record."""
SubjectId = NewType("SubjectId", bytes)
"""32 random bytes; 32 zero bytes name no subject."""
Purpose = NewType("Purpose", bytes)
"""32 bytes: upper-case ASCII, left-aligned, zero-padded."""
LeafHash = NewType("LeafHash", bytes)
"""32 bytes: keccak(0x00 ‖ struct hash)."""
Address = NewType("Address", str)
"""EIP-55 checksummed account or contract address."""

NO_END = 2**40 - 1
"""The time that means "no end" (seconds); never 0."""
ZERO32 = bytes(32)
ZERO_ADDRESS = Address("0x" + "00" * 20)
NO_AGENCY = AgencyId(0)
NO_RECORD = RecordId(ZERO32)
NO_SUBJECT = SubjectId(ZERO32)


class Action(IntEnum):
    """Actions that a caller can request (SPEC.md §2.2)."""

    READ = 1
    LOOKUP = 2
    CHECK = 3
    HISTORY = 4
    PROOF = 5
    RELEASE = 6
    FEED = 7
    WRITE = 8
    RESTRICT = 9
    SEAL = 10
    LIFT = 11
    SELF = 12
    ERASE = 13


class Role(IntEnum):
    """An officer's role. Reader and Writer are off-chain (attested by the node), the others on chain."""

    NONE = 0
    READER = 1
    WRITER = 2
    STEWARD = 3
    AUDITOR = 4
    REGISTRAR = 5


class AgencyStatus(IntEnum):
    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2
    OFFBOARDED = 3


class DatasetStatus(IntEnum):
    NONE = 0
    ACTIVE = 1
    RETIRED = 2


class SharingClass(IntEnum):
    """The agencies that may request at all. A higher number is stricter."""

    NONE = 0
    UNCONDITIONAL = 1
    CONDITIONAL = 2
    NOT_SHARED = 3


class Openness(IntEnum):
    CLOSED = 0
    PUBLIC = 1


class LogKind(IntEnum):
    RECORDS = 1
    RECEIPTS = 2


class BatchState(IntEnum):
    """States of a stored batch; an open batch is the unbatched tail of its log (SPEC.md §4)."""

    CLOSED = 1
    SIGNED = 2
    MINED = 3
    FINAL = 4


class HaltCause(StrEnum):
    """Reason why a log was halted (SPEC.md §4.2). The text is that of the database and the tools."""

    CHAIN_AHEAD = "chain-ahead"
    OTHER_ROOT = "other-root"
    REFUSED_OPERATOR = "refused-operator"
    REFUSED_CLOSED = "refused-closed"
    REFUSED_OTHER = "refused-other"
    ACCOUNT_USED_ELSEWHERE = "account-used-elsewhere"
    FAILING_TRANSACTION = "failing-transaction"


class Aead(IntEnum):
    AES_256_GCM = 1
    CHACHA20_POLY1305 = 2


class Kem(IntEnum):
    NONE = 0
    X25519 = 1
    X_WING = 2


class ErasureReason(IntEnum):
    DUTY = 1
    SUBJECT_REQUEST = 2
    LAW = 3
    WRITTEN_IN_ERROR = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules that a provider sets for a dataset (SPEC.md §2.4). ``purposes`` ascend strictly."""

    sharing_class: SharingClass
    openness: Openness
    consent_required: bool
    emergency_allowed: bool
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """A member of the city as the registry holds it. A digest of zeros: no such key yet."""

    agency: AgencyId
    code: str
    name: str
    local_name: str
    endpoint: str
    account: Address
    status: AgencyStatus
    epoch: int
    sealing_key_digest: bytes
    credential_key_digest: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """The grant of one slot (dataset, consumer, purpose). Live in ``[since, until)`` while both epochs are
    current (SPEC.md §2).
    """

    grant_id: bytes
    parts: int
    since: int
    until: int
    provider_epoch: int
    consumer_epoch: int


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block at which state was read. ``time`` is the header's timestamp in seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Query:
    """A query to the rules, the same as ``Query`` in ``IAccessPolicy.sol``.

    ``at`` is head time plus the monotonic seconds since that head arrived. ``officer`` is an on-chain
    officer's account or None for an off-chain officer, whose ``role`` and ``credential_until`` the node
    attests. ``parts`` is a bit mask; 0 requests existence and metadata only.
    """

    at: int
    action: Action
    role: Role
    consumer: AgencyId
    officer: Address | None
    credential_until: int
    represents: AgencyId
    dataset: DatasetId
    record: RecordId
    subject: SubjectId
    purpose: Purpose
    parts: int
    openings: bytes = b""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rules' answer with its reason: code (rule × 10 + cause), bases and facts."""

    permit: bool
    code: int
    grant_id: bytes
    artefact_id: bytes
    facts: int

    @property
    def rule(self) -> int:
        """The number of the rule in SPEC.md §2 that decided."""
        return self.code // 10


def purpose_from_name(name: str) -> Purpose:
    """The bytes32 form of an upper-case ASCII purpose name of 1 to 32 letters, digits or underscores.

    Raises:
        ValueError: the name has another form.
    """
    is_word = name.isascii() and name.replace("_", "A").isalnum() and name == name.upper()
    if not is_word or not 1 <= len(name) <= 32:
        raise ValueError(f"purpose {name!r} is not 1 to 32 upper-case ASCII letters, digits or underscores")
    return Purpose(name.encode("ascii").ljust(32, b"\0"))


def purpose_name(purpose: Purpose) -> str:
    """The name inside a purpose's 32 bytes, or a text to show for bytes that are not a name, which the
    council may list. Never fails.
    """
    return word_text(purpose)


def word_text(word: bytes) -> str:
    """The ASCII word in 32 bytes. Other bytes, which no contract forbids, are shown as escapes rather than
    refused; so are a NUL inside, which PostgreSQL accepts in no text, and the backslash itself, so that no
    two words have the same text (SPEC.md §4.3).
    """
    escaped = word.rstrip(b"\0").replace(b"\\", rb"\x5c")
    return escaped.decode("ascii", "backslashreplace").replace("\0", "\\x00")


OWN_DUTY = purpose_from_name("OWN_DUTY")
EMERGENCY = purpose_from_name("EMERGENCY")
