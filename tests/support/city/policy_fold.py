"""What the rules need of a city's history, folded from its events alone: no call to the chain."""

from __future__ import annotations

from dataclasses import dataclass, field

from cityledger.chain.contracts import Event
from cityledger.chain.contracts.agency_registry import AgencyStatusChanged, OfficerAppointed, OfficerDismissed
from cityledger.chain.contracts.data_catalog import (
    DatasetPublished,
    DatasetRetired,
    GrantRevoked,
    GrantSet,
    PurposeSet,
    RestrictionSet,
    SealSet,
    TermsSet,
)
from cityledger.policy.gather import Known
from cityledger.types import (
    EMERGENCY,
    NO_AGENCY,
    OWN_DUTY,
    Address,
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    Grant,
    Purpose,
    Query,
    RecordId,
    Role,
    Terms,
)

NOBODY = (AgencyStatus.NONE, 0)


@dataclass
class Fold:
    standings: dict[AgencyId, tuple[AgencyStatus, int]] = field(default_factory=dict)
    officers: dict[tuple[AgencyId, Address], tuple[Role, int, int]] = field(default_factory=dict)
    purposes: set[Purpose] = field(default_factory=lambda: {OWN_DUTY, EMERGENCY})
    providers: dict[DatasetId, AgencyId] = field(default_factory=dict)
    retired: set[DatasetId] = field(default_factory=set)
    terms: dict[DatasetId, tuple[Terms, Terms | None, int]] = field(default_factory=dict)
    grants: dict[tuple[DatasetId, AgencyId, Purpose], Grant] = field(default_factory=dict)
    restricted: set[tuple[DatasetId, RecordId, AgencyId]] = field(default_factory=set)
    sealed: set[tuple[DatasetId, RecordId]] = field(default_factory=set)

    def apply(self, events: list[Event]) -> None:
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        match event:
            case AgencyStatusChanged(agency, status, epoch):
                self.standings[agency] = status, epoch
            case OfficerAppointed(agency, account, held):
                self.officers[agency, account] = held.role, held.until, held.epoch
            case OfficerDismissed(agency, account):
                del self.officers[agency, account]
            case PurposeSet(purpose, is_listed):
                (self.purposes.add if is_listed else self.purposes.remove)(purpose)
            case DatasetPublished(dataset, provider, _):
                self.providers[dataset] = provider
            case DatasetRetired(dataset):
                self.retired.add(dataset)
            case TermsSet(dataset, current, pending, pending_since):
                self.terms[dataset] = current, pending, pending_since
            case GrantSet(dataset, consumer, purpose, grant):
                self.grants[dataset, consumer, purpose] = grant
            case GrantRevoked(dataset, consumer, purpose, _):
                del self.grants[dataset, consumer, purpose]
            case RestrictionSet(dataset, record, consumer, is_restricted):
                slot = dataset, record, consumer
                (self.restricted.add if is_restricted else self.restricted.discard)(slot)
            case SealSet(dataset, record, is_sealed):
                (self.sealed.add if is_sealed else self.sealed.discard)((dataset, record))

    def known(self, query: Query) -> Known:
        provider = self.providers.get(query.dataset, NO_AGENCY)
        consumer_status, consumer_epoch = self.standings.get(query.consumer, NOBODY)
        provider_status, provider_epoch = self.standings.get(provider, NOBODY)
        current, pending, pending_since = self.terms.get(query.dataset, (None, None, 0))
        officer = query.officer
        return Known(
            consumer_status=consumer_status,
            consumer_epoch=consumer_epoch,
            provider=provider,
            provider_status=provider_status,
            provider_epoch=provider_epoch,
            dataset_status=self._status(query.dataset),
            current_terms=current,
            pending_terms=pending,
            pending_since=pending_since,
            grant=self.grants.get((query.dataset, query.consumer, query.purpose)),
            restricted_for_all=(query.dataset, query.record, NO_AGENCY) in self.restricted,
            restricted_for_consumer=(query.dataset, query.record, query.consumer) in self.restricted,
            sealed_by_law=(query.dataset, query.record) in self.sealed,
            officer_role=None if officer is None else self.officers.get((query.consumer, officer)),
            purpose_known=query.purpose in self.purposes,
        )

    def _status(self, dataset: DatasetId) -> DatasetStatus:
        if dataset in self.retired:
            return DatasetStatus.RETIRED
        return DatasetStatus.ACTIVE if dataset in self.providers else DatasetStatus.NONE
