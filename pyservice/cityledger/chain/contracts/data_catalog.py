"""DataCatalog: who holds which data, on which terms, and who was granted what."""

from __future__ import annotations

from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.sender import Call
from cityledger.chain.structs import (
    Dataset,
    Publication,
    TermsPair,
    find_terms,
    grant_from_abi,
    terms_to_abi,
)
from cityledger.types import (
    ZERO32,
    Address,
    AgencyId,
    DatasetId,
    DatasetStatus,
    Grant,
    Purpose,
    RecordId,
    Terms,
)


class DataCatalog:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "DataCatalog", address)
        self.address = address

    # --- council --------------------------------------------------------------------------------------------

    def add_purpose(self, purpose: Purpose) -> Call:
        """Puts a purpose on the city's list. Council only."""
        return self._contract.prepare("addPurpose", purpose)

    def remove_purpose(self, purpose: Purpose) -> Call:
        """Takes a purpose off the city's list. Council only."""
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
        """What is tighter stands at once; what is looser waits for the loosening delay."""
        return self._contract.prepare(
            "revise", dataset, terms_to_abi(terms), schema_digest, retention_seconds, dispute_period_seconds
        )

    def retire(self, dataset: DatasetId) -> Call:
        """Ends the dataset, for good."""
        return self._contract.prepare("retire", dataset)

    def grant(
        self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose, parts: int, since: int, until: int
    ) -> Call:
        """Fills the slot (dataset, consumer, purpose), whatever it held. Times in Unix seconds."""
        return self._contract.prepare("grant", dataset, consumer, purpose, parts, since, until)

    def revoke(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose) -> Call:
        """Empties the slot."""
        return self._contract.prepare("revoke", dataset, consumer, purpose)

    def restrict(
        self, dataset: DatasetId, record: RecordId, consumer: AgencyId, *, is_restricted: bool
    ) -> Call:
        """Restricts a record for one consumer, or for all with consumer 0; or takes that back."""
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
        held = self._contract.read(block, "standing", dataset)
        return AgencyId(held["provider"]), DatasetStatus(held["status"])

    def find_dataset(self, dataset: DatasetId, block: At) -> Dataset | None:
        held = Dataset.from_abi(self._contract.read(block, "datasetOf", dataset))
        return held if held.status else None

    def find_terms_at(self, dataset: DatasetId, at: int, block: At) -> Terms | None:
        """The terms that stand at the time ``at``."""
        return find_terms(self._contract.read(block, "termsAt", dataset, at))

    def terms_of(self, dataset: DatasetId, block: At) -> TermsPair:
        """Both slots as stored."""
        held = self._contract.read(block, "termsOf", dataset)
        return TermsPair(find_terms(held["current"]), find_terms(held["pending"]), held["pendingSince"])

    def find_grant(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose, block: At) -> Grant | None:
        """The grant in the slot as stored, whether or not it is live."""
        held = grant_from_abi(self._contract.read(block, "grantOf", dataset, consumer, purpose))
        return None if held.grant_id == ZERO32 else held
