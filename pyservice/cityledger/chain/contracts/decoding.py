"""The contracts' events as frozen dataclasses, in one decoder. Dispatch on their type with ``match``.

An event that is not known here stops whoever follows: to skip one would be to decide on half of the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import Entry, Named, decode_values, signature
from cityledger.chain.structs import (
    Admission,
    Appointment,
    Publication,
    SkipReason,
    find_terms,
    grant_from_abi,
    terms_from_abi,
)
from cityledger.errors import ChainError
from cityledger.types import (
    Address,
    AgencyId,
    AgencyStatus,
    DatasetId,
    Grant,
    LeafHash,
    LogId,
    LogKind,
    Purpose,
    RecordId,
    Terms,
    word_text,
)


@dataclass(frozen=True, slots=True)
class AuthorityUpdated:
    """A contract now asks this AccessManager who may act as council or guard."""

    authority: Address


# --- CityDirectory ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddressSet:
    name: str
    target: Address
    version: int


# --- AgencyRegistry -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgencyAdmitted:
    agency: AgencyId
    admission: Admission


@dataclass(frozen=True, slots=True)
class AgencyStatusChanged:
    agency: AgencyId
    status: AgencyStatus
    epoch: int


@dataclass(frozen=True, slots=True)
class AccountRotated:
    agency: AgencyId
    account: Address


@dataclass(frozen=True, slots=True)
class KeysRotated:
    agency: AgencyId
    sealing_key_digest: bytes
    credential_key_digest: bytes


@dataclass(frozen=True, slots=True)
class OfficerAppointed:
    agency: AgencyId
    account: Address
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class OfficerDismissed:
    agency: AgencyId
    account: Address


# --- DataCatalog --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatasetPublished:
    dataset: DatasetId
    provider: AgencyId
    publication: Publication


@dataclass(frozen=True, slots=True)
class DatasetRevised:
    dataset: DatasetId
    schema_digest: bytes
    retention_seconds: int
    dispute_period_seconds: int


@dataclass(frozen=True, slots=True)
class DatasetRetired:
    dataset: DatasetId


@dataclass(frozen=True, slots=True)
class TermsSet:
    """``pending`` stands from ``pending_since`` on (Unix seconds); None and 0 when nothing is pending."""

    dataset: DatasetId
    current: Terms
    pending: Terms | None
    pending_since: int


@dataclass(frozen=True, slots=True)
class GrantSet:
    dataset: DatasetId
    consumer: AgencyId
    purpose: Purpose
    grant: Grant


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    dataset: DatasetId
    consumer: AgencyId
    purpose: Purpose
    grant_id: bytes


@dataclass(frozen=True, slots=True)
class RestrictionSet:
    """``consumer`` 0 is everybody."""

    dataset: DatasetId
    record: RecordId
    consumer: AgencyId
    is_restricted: bool


@dataclass(frozen=True, slots=True)
class SealSet:
    dataset: DatasetId
    record: RecordId
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class PurposeSet:
    purpose: Purpose
    is_listed: bool


# --- RecordLedger -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogOpened:
    """``predecessor`` is the log that this one continues; 0 for none."""

    log: LogId
    agency: AgencyId
    kind: LogKind
    operator: Address
    predecessor: LogId


@dataclass(frozen=True, slots=True)
class LogClosed:
    log: LogId


@dataclass(frozen=True, slots=True)
class OperatorSet:
    log: LogId
    operator: Address


@dataclass(frozen=True, slots=True)
class BatchAnchored:
    log: LogId
    first: int
    count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """A batch was left out; ``next`` is the number that the log waits for."""

    log: LogId
    first: int
    next: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """A version has landed: the record's head pointed to ``previous`` (32 zero bytes: to nothing)."""

    dataset: DatasetId
    record: RecordId
    leaf_hash: LeafHash
    previous: LeafHash
    version: int


@dataclass(frozen=True, slots=True)
class HeadReset:
    """A steward removed the record's head, which had these values; the record has no landed version now."""

    dataset: DatasetId
    record: RecordId
    leaf_hash: LeafHash
    version: int


Event = (
    AuthorityUpdated
    | AddressSet
    | AgencyAdmitted
    | AgencyStatusChanged
    | AccountRotated
    | KeysRotated
    | OfficerAppointed
    | OfficerDismissed
    | DatasetPublished
    | DatasetRevised
    | DatasetRetired
    | TermsSet
    | GrantSet
    | GrantRevoked
    | RestrictionSet
    | SealSet
    | PurposeSet
    | LogOpened
    | LogClosed
    | OperatorSet
    | BatchAnchored
    | Skipped
    | HeadMoved
    | HeadReset
)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place on the chain. ``(block_number, log_index)`` orders all of them."""

    event: Event
    address: Address
    block_number: int
    block_hash: bytes
    transaction: bytes
    log_index: int


def _dataset(held: Named) -> DatasetId:
    return DatasetId(held["dataset"])


def _agency(held: Named, name: str = "agency") -> AgencyId:
    return AgencyId(held[name])


def _log(held: Named, name: str = "log") -> LogId:
    return LogId(held[name])


READERS: Mapping[str, Callable[[Named], Event]] = {
    "AuthorityUpdated": lambda v: AuthorityUpdated(Address(v["authority"])),
    "AddressSet": lambda v: AddressSet(word_text(v["name"]), Address(v["target"]), v["version"]),
    "AgencyAdmitted": lambda v: AgencyAdmitted(_agency(v), Admission.from_abi(v["admission"])),
    "AgencyStatusChanged": lambda v: AgencyStatusChanged(_agency(v), AgencyStatus(v["status"]), v["epoch"]),
    "AccountRotated": lambda v: AccountRotated(_agency(v), Address(v["account"])),
    "KeysRotated": lambda v: KeysRotated(_agency(v), v["sealingKeyDigest"], v["credentialKeyDigest"]),
    "OfficerAppointed": lambda v: OfficerAppointed(
        _agency(v), Address(v["account"]), Appointment.from_abi(v["appointment"])
    ),
    "OfficerDismissed": lambda v: OfficerDismissed(_agency(v), Address(v["account"])),
    "DatasetPublished": lambda v: DatasetPublished(
        _dataset(v), _agency(v, "provider"), Publication.from_abi(v["publication"])
    ),
    "DatasetRevised": lambda v: DatasetRevised(
        _dataset(v), v["schemaDigest"], v["retentionSeconds"], v["disputePeriodSeconds"]
    ),
    "DatasetRetired": lambda v: DatasetRetired(_dataset(v)),
    "TermsSet": lambda v: TermsSet(
        _dataset(v), terms_from_abi(v["current"]), find_terms(v["pending"]), v["pendingSince"]
    ),
    "GrantSet": lambda v: GrantSet(
        _dataset(v), _agency(v, "consumer"), Purpose(v["purpose"]), grant_from_abi(v["grant"])
    ),
    "GrantRevoked": lambda v: GrantRevoked(
        _dataset(v), _agency(v, "consumer"), Purpose(v["purpose"]), v["grantId"]
    ),
    "RestrictionSet": lambda v: RestrictionSet(
        _dataset(v), RecordId(v["record"]), _agency(v, "consumer"), v["isRestricted"]
    ),
    "SealSet": lambda v: SealSet(_dataset(v), RecordId(v["record"]), v["isSealed"]),
    "PurposeSet": lambda v: PurposeSet(Purpose(v["purpose"]), v["isListed"]),
    "LogOpened": lambda v: LogOpened(
        _log(v), _agency(v), LogKind(v["kind"]), Address(v["operator"]), _log(v, "predecessor")
    ),
    "LogClosed": lambda v: LogClosed(_log(v)),
    "OperatorSet": lambda v: OperatorSet(_log(v), Address(v["operator"])),
    "BatchAnchored": lambda v: BatchAnchored(_log(v), v["first"], v["count"], v["root"]),
    "Skipped": lambda v: Skipped(_log(v), v["first"], v["next"], SkipReason(v["reason"])),
    "HeadMoved": lambda v: HeadMoved(
        _dataset(v), RecordId(v["record"]), LeafHash(v["leafHash"]), LeafHash(v["previous"]), v["version"]
    ),
    "HeadReset": lambda v: HeadReset(
        _dataset(v), RecordId(v["record"]), LeafHash(v["leafHash"]), v["version"]
    ),
}
"""One reader for each event of each followed contract; a test compares this with the artifacts."""


def decode_logs(logs: Sequence[Mapping[str, Any]]) -> list[LoggedEvent]:
    """Decodes raw JSON-RPC logs of our contracts, in chain order.

    Raises:
        ChainError: a log is not one of our events, or its bytes do not fit: another version of the contracts
            than this program's.
    """
    decoded = [_decode(log) for log in logs]
    return sorted(decoded, key=lambda logged: (logged.block_number, logged.log_index))


@cache
def topics_by_name() -> Mapping[str, bytes]:
    """The first topic of each event's logs."""
    return {entry["name"]: topic for topic, entry in _entries().items()}


def _decode(log: Mapping[str, Any]) -> LoggedEvent:
    try:
        return _logged(log)
    except ChainError as error:
        raise ChainError(f"{error}; {_place(log)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ChainError(
            f"a log that is not as JSON-RPC says ({type(error).__name__}); {_place(log)}"
        ) from error


def _place(log: Mapping[str, Any]) -> str:
    """Where an operator finds it."""
    names = (("block", "blockNumber"), ("transaction", "transactionHash"), ("contract", "address"))
    return ", ".join(f"{name} {log.get(key, 'unnamed')}" for name, key in names)


def _logged(log: Mapping[str, Any]) -> LoggedEvent:
    topics = [_bytes(topic) for topic in log["topics"]]
    entry = _entries().get(topics[0]) if topics else None
    if entry is None or log.get("removed"):
        raise ChainError("unknown or removed event")
    return LoggedEvent(
        event=_read(entry, topics[1:], _bytes(log["data"])),
        address=Address(to_checksum_address(log["address"])),
        block_number=int(log["blockNumber"], 16),
        block_hash=_bytes(log["blockHash"]),
        transaction=_bytes(log["transactionHash"]),
        log_index=int(log["logIndex"], 16),
    )


def _read(entry: Entry, topics: Sequence[bytes], data: bytes) -> Event:
    values = event_values(entry, topics, data)
    try:
        return READERS[entry["name"]](values)
    except (KeyError, ValueError) as error:  # a field that is gone, or an enum's value that is new
        raise ChainError(f"event {entry['name']} does not read as this version knows it: {error}") from error


def event_values(entry: Entry, topics: Sequence[bytes], data: bytes) -> Named:
    """An event's values by name. ``topics`` are those after the first, which names the event.

    Raises:
        ChainError: they do not fit the ABI.
    """
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    if len(topics) != len(indexed):
        raise ChainError(f"event {entry['name']} has {len(topics)} topics; its ABI says {len(indexed)}")
    values = decode_values(indexed, b"".join(topics), entry["name"]) + decode_values(
        plain, data, entry["name"]
    )
    return {parameter["name"]: value for parameter, value in zip(indexed + plain, values, strict=True)}


@cache
def _entries() -> dict[bytes, Entry]:
    events = [entry for name in FOLLOWED_NAMES for entry in entries_of_kind(name, "event")]
    return {keccak(text=signature(entry)): entry for entry in events if entry["name"] in READERS}


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
