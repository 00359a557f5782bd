"""DataCatalog: datasets and their providers, the terms in effect, and the grants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cityledger.chain.abi.codec import Named
from cityledger.chain.abi.words import word_from_text
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.types import (
    ZERO32,
    Address,
    AgencyId,
    DatasetId,
    DatasetStatus,
    Grant,
    Openness,
    Purpose,
    RecordId,
    SharingClass,
    Terms,
    word_text,
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A dataset as a steward publishes it. Path, profile and parts are fixed for the dataset's life."""

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
    def from_abi(cls, value: Mapping[str, Any]) -> Publication:
        return cls(
            AgencyId(value["provider"]),
            value["path"],
            value["title"],
            value["localTitle"],
            word_text(value["profile"]),
            tuple(value["parts"]),
            value["schemaDigest"],
            value["retentionSeconds"],
            value["disputePeriodSeconds"],
            terms_from_abi(value["terms"]),
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
    def from_abi(cls, value: Mapping[str, Any]) -> Dataset:
        return cls(
            AgencyId(value["provider"]),
            DatasetStatus(value["status"]),
            value["retentionSeconds"],
            value["disputePeriodSeconds"],
            word_text(value["profile"]),
            value["schemaDigest"],
            value["path"],
            value["title"],
            value["localTitle"],
            tuple(value["parts"]),
        )


@dataclass(frozen=True, slots=True)
class TermsPair:
    """Both slots of a dataset's terms as stored. ``pending_since`` 0: nothing is pending."""

    current: Terms | None
    pending: Terms | None
    pending_since: int


class DataCatalog:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "DataCatalog", address)
        self.address = address

    # --- council --------------------------------------------------------------------------------------------

    def add_purpose(self, purpose: Purpose) -> Call:
        """Adds a purpose to the city's list. Council only."""
        return self._contract.prepare("addPurpose", purpose)

    def remove_purpose(self, purpose: Purpose) -> Call:
        """Removes a purpose from the city's list. Council only."""
        return self._contract.prepare("removePurpose", purpose)

    def lift_seal(self, dataset: DatasetId, record: RecordId) -> Call:
        """Lifts a seal by law. Council only."""
        return self._contract.prepare("liftSeal", dataset, record)

    # --- a steward of the provider --------------------------------------------------------------------------

    def publish(self, publication: Publication) -> Call:
        return self._contract.prepare("publish", publication.to_abi())

    def revise(
        self,
        dataset: DatasetId,
        terms: Terms,
        schema_digest: bytes,
        retention_seconds: int,
        dispute_period_seconds: int,
    ) -> Call:
        """A tighter rule applies at once; a looser one waits for the loosening delay."""
        return self._contract.prepare(
            "revise", dataset, terms_to_abi(terms), schema_digest, retention_seconds, dispute_period_seconds
        )

    def retire(self, dataset: DatasetId) -> Call:
        """Ends the dataset permanently."""
        return self._contract.prepare("retire", dataset)

    def grant(
        self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose, parts: int, since: int, until: int
    ) -> Call:
        """Fills the slot (dataset, consumer, purpose) and replaces its grant. Times in Unix seconds."""
        return self._contract.prepare("grant", dataset, consumer, purpose, parts, since, until)

    def revoke(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose) -> Call:
        """Empties the slot."""
        return self._contract.prepare("revoke", dataset, consumer, purpose)

    def restrict(
        self, dataset: DatasetId, record: RecordId, consumer: AgencyId, *, is_restricted: bool
    ) -> Call:
        """Restricts a record for one consumer, or for all with consumer 0; or lifts that."""
        return self._contract.prepare("restrict", dataset, record, consumer, is_restricted)

    def seal_by_law(self, dataset: DatasetId, record: RecordId) -> Call:
        return self._contract.prepare("sealByLaw", dataset, record)

    # --- reads ----------------------------------------------------------------------------------------------

    def loosening_delay(self, block: At) -> int:
        """Seconds that a loosening waits."""
        return int(self._contract.read(block, "looseningDelay"))

    def is_purpose(self, purpose: Purpose, block: At) -> bool:
        """Whether the city knows the purpose; OWN_DUTY and EMERGENCY are always known."""
        return bool(self._contract.read(block, "isPurpose", purpose))

    def standing(self, dataset: DatasetId, block: At) -> tuple[AgencyId, DatasetStatus]:
        """Provider and status; 0 and None for a missing dataset."""
        stored = self._contract.read(block, "standing", dataset)
        return AgencyId(stored["provider"]), DatasetStatus(stored["status"])

    def find_dataset(self, dataset: DatasetId, block: At) -> Dataset | None:
        stored = Dataset.from_abi(self._contract.read(block, "datasetOf", dataset))
        return stored if stored.status else None

    def find_terms_at(self, dataset: DatasetId, at: int, block: At) -> Terms | None:
        """The terms in effect at the time ``at``."""
        return find_terms(self._contract.read(block, "termsAt", dataset, at))

    def terms_of(self, dataset: DatasetId, block: At) -> TermsPair:
        """Both slots as stored."""
        stored = self._contract.read(block, "termsOf", dataset)
        return TermsPair(find_terms(stored["current"]), find_terms(stored["pending"]), stored["pendingSince"])

    def find_grant(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose, block: At) -> Grant | None:
        """The grant in the slot as stored, whether or not it is live."""
        stored = grant_from_abi(self._contract.read(block, "grantOf", dataset, consumer, purpose))
        return None if stored.grant_id == ZERO32 else stored


def terms_to_abi(terms: Terms) -> dict[str, Any]:
    return {
        "sharingClass": int(terms.sharing_class),
        "openness": int(terms.openness),
        "consentRequired": terms.consent_required,
        "emergencyAllowed": terms.emergency_allowed,
        "purposes": list(terms.purposes),
    }


def terms_from_abi(value: Mapping[str, Any]) -> Terms:
    return Terms(
        SharingClass(value["sharingClass"]),
        Openness(value["openness"]),
        value["consentRequired"],
        value["emergencyAllowed"],
        tuple(Purpose(purpose) for purpose in value["purposes"]),
    )


def find_terms(value: Mapping[str, Any]) -> Terms | None:
    """The terms in a slot; None for an empty one, whose class is None."""
    return terms_from_abi(value) if value["sharingClass"] else None


def grant_from_abi(value: Mapping[str, Any]) -> Grant:
    return Grant(
        value["grantId"],
        value["parts"],
        value["since"],
        value["until"],
        value["providerEpoch"],
        value["consumerEpoch"],
    )


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
    """``pending`` applies from ``pending_since`` on (Unix seconds); None and 0 when nothing is pending."""

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
    """``consumer`` 0 means all consumers."""

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


DataCatalogEvent = (
    DatasetPublished
    | DatasetRevised
    | DatasetRetired
    | TermsSet
    | GrantSet
    | GrantRevoked
    | RestrictionSet
    | SealSet
    | PurposeSet
)

READERS: Mapping[str, Callable[[Named], DataCatalogEvent]] = {
    "DatasetPublished": lambda v: DatasetPublished(
        DatasetId(v["dataset"]), AgencyId(v["provider"]), Publication.from_abi(v["publication"])
    ),
    "DatasetRevised": lambda v: DatasetRevised(
        DatasetId(v["dataset"]), v["schemaDigest"], v["retentionSeconds"], v["disputePeriodSeconds"]
    ),
    "DatasetRetired": lambda v: DatasetRetired(DatasetId(v["dataset"])),
    "TermsSet": lambda v: TermsSet(
        DatasetId(v["dataset"]), terms_from_abi(v["current"]), find_terms(v["pending"]), v["pendingSince"]
    ),
    "GrantSet": lambda v: GrantSet(
        DatasetId(v["dataset"]), AgencyId(v["consumer"]), Purpose(v["purpose"]), grant_from_abi(v["grant"])
    ),
    "GrantRevoked": lambda v: GrantRevoked(
        DatasetId(v["dataset"]), AgencyId(v["consumer"]), Purpose(v["purpose"]), v["grantId"]
    ),
    "RestrictionSet": lambda v: RestrictionSet(
        DatasetId(v["dataset"]), RecordId(v["record"]), AgencyId(v["consumer"]), v["isRestricted"]
    ),
    "SealSet": lambda v: SealSet(DatasetId(v["dataset"]), RecordId(v["record"]), v["isSealed"]),
    "PurposeSet": lambda v: PurposeSet(Purpose(v["purpose"]), v["isListed"]),
}
