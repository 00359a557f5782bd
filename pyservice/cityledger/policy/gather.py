"""Facts of a query, from the chain state: the counterpart of ``AccessPolicy.facts``."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import FieldError
from cityledger.policy.facts import NO_FACTS, Facts
from cityledger.policy.roles import OFF_CHAIN_ROLES, PROVIDERS_OWN, is_role_allowed
from cityledger.policy.terms import terms_at
from cityledger.types import (
    EMERGENCY,
    NO_AGENCY,
    OWN_DUTY,
    ZERO32,
    Action,
    AgencyId,
    AgencyStatus,
    DatasetStatus,
    Grant,
    Query,
    Role,
    SharingClass,
    Terms,
)

_SHARED = (SharingClass.UNCONDITIONAL, SharingClass.CONDITIONAL)


@dataclass(frozen=True, slots=True)
class Known:
    """The chain state that one query needs, read at one block. Missing values are None, 0 or NONE."""

    consumer_status: AgencyStatus
    consumer_epoch: int
    provider: AgencyId
    """0 if the dataset does not exist."""
    provider_status: AgencyStatus
    provider_epoch: int
    dataset_status: DatasetStatus
    current_terms: Terms | None
    pending_terms: Terms | None
    pending_since: int
    """Unix seconds from which ``pending_terms`` are in effect; 0 for never."""
    grant: Grant | None
    """The grant in the slot (dataset, consumer, purpose), live or not."""
    restricted_for_all: bool
    restricted_for_consumer: bool
    sealed_by_law: bool
    officer_role: tuple[Role, int, int] | None
    """(role, until, epoch) of the on-chain officer's appointment at the consumer; None if there is none."""
    purpose_known: bool
    """OWN_DUTY, EMERGENCY or in the city's list."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts, and the bases that they rely on."""

    facts: Facts
    grant_id: bytes
    """The grant that satisfies rule 8 in a Conditional dataset; zero if none does or none is needed."""
    artefact_id: bytes
    """Always zero in this version."""


def gather(query: Query, known: Known) -> Gathered:
    """The facts of a query at the block that ``known`` was read at.

    Raises:
        FieldError: the query carries openings, which this version does not support.
    """
    if query.openings:
        raise FieldError("openings", "this version supports none")
    terms = terms_at(known.current_terms, known.pending_terms, known.pending_since, query.at)
    is_conditional = terms is not None and terms.sharing_class == SharingClass.CONDITIONAL
    grant_id = _satisfying_grant(query, known) if is_conditional else ZERO32
    facts = (
        _officer_facts(query, known)
        | _purpose_facts(query, known, terms)
        | _dataset_facts(known, terms)
        | _record_facts(known)
        | _when(Facts.GRANT_SATISFIED, not is_conditional or grant_id != ZERO32)
    )
    return Gathered(facts, grant_id, ZERO32)


def _officer_facts(query: Query, known: Known) -> Facts:
    has_role = is_role_allowed(query.action, query.role) and _holds_role(query, known)
    return (
        _when(Facts.SELF, query.action == Action.SELF)
        | _when(Facts.ERASES, query.action == Action.ERASE)
        | _when(Facts.CONSUMER_ACTIVE, known.consumer_status == AgencyStatus.ACTIVE)
        | _when(Facts.ROLE_HELD, has_role)
        | _when(Facts.CREDENTIAL_LIVE, query.at < query.credential_until)
    )


def _purpose_facts(query: Query, known: Known, terms: Terms | None) -> Facts:
    is_own = known.provider != NO_AGENCY and query.consumer == known.provider
    is_own_duty = query.purpose == OWN_DUTY and is_own
    is_in_terms = terms is not None and query.purpose in terms.purposes
    is_among_terms = query.action not in PROVIDERS_OWN and is_in_terms
    return (
        _when(Facts.PURPOSE_KNOWN, known.purpose_known)
        | _when(Facts.PURPOSE_ALLOWED, is_own_duty or is_among_terms)
        | _when(Facts.OWN_RECORD, is_own)
        | _when(Facts.EMERGENCY_PURPOSE, query.purpose == EMERGENCY)
    )


def _dataset_facts(known: Known, terms: Terms | None) -> Facts:
    is_shared = terms is not None and terms.sharing_class in _SHARED
    return (
        _when(Facts.PROVIDER_ACTIVE, known.provider_status == AgencyStatus.ACTIVE)
        | _when(Facts.DATASET_ACTIVE, known.dataset_status == DatasetStatus.ACTIVE)
        | _when(Facts.SHARED, is_shared)
        | _when(Facts.EMERGENCY_ALLOWED, terms is not None and terms.emergency_allowed)
        | _when(Facts.CONSENT_SATISFIED, terms is None or not terms.consent_required)
    )


def _record_facts(known: Known) -> Facts:
    return (
        _when(Facts.SEALED_BY_LAW, known.sealed_by_law)
        | _when(Facts.RESTRICTED_FOR_ALL, known.restricted_for_all)
        | _when(Facts.RESTRICTED_FOR_CONSUMER, known.restricted_for_consumer)
    )


def _holds_role(query: Query, known: Known) -> bool:
    if query.officer is None:
        return query.role in OFF_CHAIN_ROLES
    if known.officer_role is None:
        return False
    role, until, epoch = known.officer_role
    return role == query.role and query.at < until and epoch == known.consumer_epoch


def _satisfying_grant(query: Query, known: Known) -> bytes:
    grant = known.grant
    if grant is None:
        return ZERO32
    is_in_time = grant.since <= query.at < grant.until
    is_of_providers_epoch = grant.provider_epoch == known.provider_epoch
    is_of_consumers_epoch = grant.consumer_epoch == known.consumer_epoch
    covers = query.parts & grant.parts == query.parts
    is_live = is_in_time and is_of_providers_epoch and is_of_consumers_epoch
    return grant.grant_id if is_live and covers else ZERO32


def _when(fact: Facts, is_true: bool) -> Facts:
    return fact if is_true else NO_FACTS
