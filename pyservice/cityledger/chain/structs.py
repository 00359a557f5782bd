"""The contracts' structs as frozen dataclasses, and the two ways between them and ABI values.

``from_abi`` takes what ``abi.decode_…`` gives; ``to_abi`` gives what ``abi.encode_…`` takes. Dataclasses that
the whole program knows stand in ``types.py``; these are what the chain alone says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cityledger.errors import FieldError
from cityledger.keccak import keccak
from cityledger.proofs.leaves import RecordLeaf
from cityledger.types import (
    Address,
    Agency,
    AgencyId,
    AgencyStatus,
    DatasetStatus,
    Grant,
    LogId,
    LogKind,
    Openness,
    Purpose,
    Role,
    SharingClass,
    Terms,
    word_text,
)

ZERO_ADDRESS = Address("0x" + "00" * 20)


class SkipReason(IntEnum):
    """Why a batch was left out of ``anchor`` (SPEC.md §4)."""

    UNKNOWN_LOG = 1
    LOG_CLOSED = 2
    NOT_OPERATOR = 3
    WRONG_FIRST = 4
    COUNT_OUT_OF_RANGE = 5


@dataclass(frozen=True, slots=True)
class Admission:
    """What the council is told of a new agency. A digest of zeros: no such key yet."""

    code: str
    """1 to 32 ASCII characters, unique for good, such as ``HEALTH``."""
    name: str
    local_name: str
    endpoint: str
    account: Address
    sealing_key_digest: bytes
    credential_key_digest: bytes

    @classmethod
    def from_abi(cls, held: Mapping[str, Any]) -> Admission:
        return cls(
            word_text(held["code"]),
            held["name"],
            held["localName"],
            held["endpoint"],
            Address(held["account"]),
            held["sealingKeyDigest"],
            held["credentialKeyDigest"],
        )

    def to_abi(self) -> dict[str, Any]:
        return {
            "code": word_from_text("code", self.code),
            "name": self.name,
            "localName": self.local_name,
            "endpoint": self.endpoint,
            "account": self.account,
            "sealingKeyDigest": self.sealing_key_digest,
            "credentialKeyDigest": self.credential_key_digest,
        }


@dataclass(frozen=True, slots=True)
class Appointment:
    """An officer's office at one agency; holds until ``until`` (Unix seconds) while the agency's epoch is
    still ``epoch``.
    """

    role: Role
    until: int
    epoch: int

    @classmethod
    def from_abi(cls, held: Mapping[str, Any]) -> Appointment:
        return cls(Role(held["role"]), held["until"], held["epoch"])


@dataclass(frozen=True, slots=True)
class Publication:
    """What a steward says to publish a dataset. Path, profile and parts are fixed for the dataset's life."""

    provider: AgencyId
    path: str
    """``duty/entry/dataset``."""
    title: str
    local_title: str
    profile: str
    """1 to 32 ASCII characters, such as ``medical``."""
    parts: tuple[str, ...]
    """The i-th name belongs to bit i of every parts mask."""
    schema_digest: bytes
    retention_seconds: int
    dispute_period_seconds: int
    terms: Terms

    @classmethod
    def from_abi(cls, held: Mapping[str, Any]) -> Publication:
        return cls(
            AgencyId(held["provider"]),
            held["path"],
            held["title"],
            held["localTitle"],
            word_text(held["profile"]),
            tuple(held["parts"]),
            held["schemaDigest"],
            held["retentionSeconds"],
            held["disputePeriodSeconds"],
            terms_from_abi(held["terms"]),
        )

    def to_abi(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "path": self.path,
            "title": self.title,
            "localTitle": self.local_title,
            "profile": word_from_text("profile", self.profile),
            "parts": list(self.parts),
            "schemaDigest": self.schema_digest,
            "retentionSeconds": self.retention_seconds,
            "disputePeriodSeconds": self.dispute_period_seconds,
            "terms": terms_to_abi(self.terms),
        }


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as the catalog holds it, but for its terms."""

    provider: AgencyId
    status: DatasetStatus
    retention_seconds: int
    dispute_period_seconds: int
    profile: str
    schema_digest: bytes
    path: str
    title: str
    local_title: str
    parts: tuple[str, ...]

    @classmethod
    def from_abi(cls, held: Mapping[str, Any]) -> Dataset:
        return cls(
            AgencyId(held["provider"]),
            DatasetStatus(held["status"]),
            held["retentionSeconds"],
            held["disputePeriodSeconds"],
            word_text(held["profile"]),
            held["schemaDigest"],
            held["path"],
            held["title"],
            held["localTitle"],
            tuple(held["parts"]),
        )


@dataclass(frozen=True, slots=True)
class TermsPair:
    """Both slots of a dataset's terms as stored. ``pending_since`` 0: nothing is pending."""

    current: Terms | None
    pending: Terms | None
    pending_since: int


@dataclass(frozen=True, slots=True)
class Log:
    """A log as the ledger holds it. ``next`` is the number of the first leaf that is not yet anchored."""

    agency: AgencyId
    kind: LogKind
    closed: bool
    next: int
    operator: Address

    @classmethod
    def from_abi(cls, held: Mapping[str, Any]) -> Log | None:
        """None for a log that was never opened, whose fields are all zero."""
        if held["kind"] == 0:
            return None
        return cls(
            AgencyId(held["agency"]),
            LogKind(held["kind"]),
            held["closed"],
            held["next"],
            Address(held["operator"]),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """The leaves ``first … first + count − 1`` of a log under one root."""

    log: LogId
    first: int
    count: int
    root: bytes

    def to_abi(self) -> dict[str, Any]:
        return {"log": self.log, "first": self.first, "count": self.count, "root": self.root}


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a leaf stands in an anchored batch (RFC 9162 §2.1.3); ``path`` from the leaf upwards."""

    first: int
    count: int
    root: bytes
    path: tuple[bytes, ...]

    def to_abi(self) -> dict[str, Any]:
        return {"first": self.first, "count": self.count, "root": self.root, "path": list(self.path)}


def record_leaf_to_abi(leaf: RecordLeaf) -> tuple[object, ...]:
    """The leaf in the order of the contract's struct; parts go by the hashes of their names."""
    return (
        leaf.instance,
        leaf.log,
        leaf.seq,
        leaf.dataset,
        leaf.record,
        leaf.version,
        list(leaf.subjects),
        leaf.schema,
        [(keccak(part.name.encode()), part.ciphertext_digest, part.commitment) for part in leaf.parts],
    )


def agency_from_abi(agency: AgencyId, held: Mapping[str, Any]) -> Agency:
    return Agency(
        agency,
        word_text(held["code"]),
        held["name"],
        held["localName"],
        held["endpoint"],
        Address(held["account"]),
        AgencyStatus(held["status"]),
        held["epoch"],
        held["sealingKeyDigest"],
        held["credentialKeyDigest"],
    )


def terms_to_abi(terms: Terms) -> dict[str, Any]:
    return {
        "sharingClass": int(terms.sharing_class),
        "openness": int(terms.openness),
        "consentRequired": terms.consent_required,
        "emergencyAllowed": terms.emergency_allowed,
        "purposes": list(terms.purposes),
    }


def terms_from_abi(held: Mapping[str, Any]) -> Terms:
    return Terms(
        SharingClass(held["sharingClass"]),
        Openness(held["openness"]),
        held["consentRequired"],
        held["emergencyAllowed"],
        tuple(Purpose(purpose) for purpose in held["purposes"]),
    )


def find_terms(held: Mapping[str, Any]) -> Terms | None:
    """The terms in a slot; None for an empty one, whose class is None."""
    return terms_from_abi(held) if held["sharingClass"] else None


def grant_from_abi(held: Mapping[str, Any]) -> Grant:
    return Grant(
        held["grantId"],
        held["parts"],
        held["since"],
        held["until"],
        held["providerEpoch"],
        held["consumerEpoch"],
    )


def word_from_text(field: str, text: str) -> bytes:
    """The 32 bytes of an ASCII word, left-aligned and zero-padded.

    Raises:
        FieldError: not 1 to 32 printable ASCII characters.
    """
    if not (1 <= len(text) <= 32 and text.isascii() and text.isprintable()):
        raise FieldError(field, "must be 1 to 32 printable ASCII characters")
    return text.encode("ascii").ljust(32, b"\0")
