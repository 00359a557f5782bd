from dataclasses import replace
from typing import Any

import pytest

from cityledger.errors import FieldError
from cityledger.policy.facts import Facts
from cityledger.policy.gather import Known, gather
from cityledger.types import (
    EMERGENCY,
    NO_AGENCY,
    NO_END,
    NO_SUBJECT,
    OWN_DUTY,
    ZERO32,
    Action,
    Address,
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    Grant,
    Openness,
    Query,
    RecordId,
    Role,
    SharingClass,
    Terms,
    purpose_from_name,
)
from support.city.permitting_facts import PERMITTING

TREATMENT = purpose_from_name("TREATMENT")
OFFICER = Address("0x" + "11" * 20)
TERMS = Terms(SharingClass.CONDITIONAL, Openness.CLOSED, False, False, (TREATMENT,))
GRANT = Grant(b"\7" * 32, 0b01, 100, 200, 1, 1)
QUERY = Query(
    at=150,
    action=Action.READ,
    role=Role.READER,
    consumer=AgencyId(2),
    officer=None,
    credential_until=NO_END,
    represents=NO_AGENCY,
    dataset=DatasetId(b"\1" * 32),
    record=RecordId(b"\2" * 32),
    subject=NO_SUBJECT,
    purpose=TREATMENT,
    parts=0b01,
)
KNOWN = Known(
    consumer_status=AgencyStatus.ACTIVE,
    consumer_epoch=1,
    provider=AgencyId(1),
    provider_status=AgencyStatus.ACTIVE,
    provider_epoch=1,
    dataset_status=DatasetStatus.ACTIVE,
    current_terms=TERMS,
    pending_terms=None,
    pending_since=0,
    grant=GRANT,
    restricted_for_all=False,
    restricted_for_consumer=False,
    sealed_by_law=False,
    officer_role=None,
    purpose_known=True,
)


def test_gather_finds_the_usual_facts_and_names_the_grant() -> None:
    gathered = gather(QUERY, KNOWN)
    assert (gathered.facts, gathered.grant_id, gathered.artefact_id) == (PERMITTING, GRANT.grant_id, ZERO32)


LOST: list[tuple[dict[str, Any], dict[str, Any], Facts]] = [
    ({}, {"consumer_status": AgencyStatus.SUSPENDED}, Facts.CONSUMER_ACTIVE),
    ({}, {"provider_status": AgencyStatus.OFFBOARDED}, Facts.PROVIDER_ACTIVE),
    ({}, {"dataset_status": DatasetStatus.RETIRED}, Facts.DATASET_ACTIVE),
    ({}, {"purpose_known": False}, Facts.PURPOSE_KNOWN),
    ({"role": Role.WRITER}, {}, Facts.ROLE_HELD),
    ({"role": Role.STEWARD}, {}, Facts.ROLE_HELD),
    ({"officer": OFFICER, "role": Role.STEWARD}, {}, Facts.ROLE_HELD),
    ({"officer": OFFICER, "role": Role.STEWARD}, {"officer_role": (Role.STEWARD, 150, 1)}, Facts.ROLE_HELD),
    ({"officer": OFFICER, "role": Role.STEWARD}, {"officer_role": (Role.STEWARD, 151, 2)}, Facts.ROLE_HELD),
    ({"officer": OFFICER, "role": Role.STEWARD}, {"officer_role": (Role.AUDITOR, 151, 1)}, Facts.ROLE_HELD),
    ({"credential_until": 150}, {}, Facts.CREDENTIAL_LIVE),
    ({"action": Action.SEAL}, {}, Facts.PURPOSE_ALLOWED | Facts.ROLE_HELD),
    ({}, {"grant": None}, Facts.GRANT_SATISFIED),
    ({}, {"grant": replace(GRANT, since=151)}, Facts.GRANT_SATISFIED),
    ({}, {"grant": replace(GRANT, until=150)}, Facts.GRANT_SATISFIED),
    ({}, {"grant": replace(GRANT, parts=0b10)}, Facts.GRANT_SATISFIED),
    ({}, {"provider_epoch": 2}, Facts.GRANT_SATISFIED),
    ({}, {"consumer_epoch": 2}, Facts.GRANT_SATISFIED),
    ({}, {"current_terms": replace(TERMS, sharing_class=SharingClass.NOT_SHARED)}, Facts.SHARED),
    ({}, {"current_terms": replace(TERMS, consent_required=True)}, Facts.CONSENT_SATISFIED),
    ({}, {"current_terms": None}, Facts.SHARED | Facts.PURPOSE_ALLOWED),
]


@pytest.mark.parametrize(("query", "known", "lost"), LOST)
def test_gather_loses(query: dict[str, Any], known: dict[str, Any], lost: Facts) -> None:
    assert gather(replace(QUERY, **query), replace(KNOWN, **known)).facts == PERMITTING & ~lost


GAINED: list[tuple[dict[str, Any], dict[str, Any], Facts]] = [
    ({"action": Action.SELF, "role": Role.READER}, {}, Facts.SELF),
    ({}, {"provider": AgencyId(2)}, Facts.OWN_RECORD),
    ({}, {"sealed_by_law": True}, Facts.SEALED_BY_LAW),
    ({}, {"restricted_for_all": True}, Facts.RESTRICTED_FOR_ALL),
    ({}, {"restricted_for_consumer": True}, Facts.RESTRICTED_FOR_CONSUMER),
    ({}, {"current_terms": replace(TERMS, emergency_allowed=True)}, Facts.EMERGENCY_ALLOWED),
    (
        {"purpose": EMERGENCY},
        {"current_terms": replace(TERMS, purposes=(EMERGENCY,))},
        Facts.EMERGENCY_PURPOSE,
    ),
]


@pytest.mark.parametrize(("query", "known", "gained"), GAINED)
def test_gather_gains(query: dict[str, Any], known: dict[str, Any], gained: Facts) -> None:
    facts = gather(replace(QUERY, **query), replace(KNOWN, **known)).facts
    assert facts | Facts.ROLE_HELD == PERMITTING | gained


def test_gather_knows_an_erasure_by_the_provider() -> None:
    query = replace(QUERY, action=Action.ERASE, role=Role.WRITER, purpose=OWN_DUTY)
    facts = gather(query, replace(KNOWN, provider=AgencyId(2), sealed_by_law=True)).facts
    assert facts & ~Facts.GRANT_SATISFIED == (
        PERMITTING & ~Facts.GRANT_SATISFIED | Facts.OWN_RECORD | Facts.ERASES | Facts.SEALED_BY_LAW
    )


def test_gather_takes_an_on_chain_officer() -> None:
    query = replace(QUERY, officer=OFFICER, role=Role.STEWARD)
    assert gather(query, replace(KNOWN, officer_role=(Role.STEWARD, 151, 1))).facts == PERMITTING


def test_gather_takes_the_terms_of_the_time() -> None:
    known = replace(KNOWN, pending_terms=replace(TERMS, purposes=()), pending_since=151)
    assert Facts.PURPOSE_ALLOWED in gather(QUERY, known).facts
    assert Facts.PURPOSE_ALLOWED not in gather(replace(QUERY, at=151), known).facts


def test_gather_allows_own_duty_to_the_provider_only() -> None:
    query = replace(QUERY, purpose=OWN_DUTY)
    assert Facts.PURPOSE_ALLOWED not in gather(query, KNOWN).facts
    assert Facts.PURPOSE_ALLOWED in gather(query, replace(KNOWN, provider=AgencyId(2))).facts
    nobody = replace(query, consumer=NO_AGENCY)
    assert Facts.PURPOSE_ALLOWED not in gather(nobody, replace(KNOWN, provider=NO_AGENCY)).facts


def test_gather_names_no_grant_where_none_is_needed() -> None:
    known = replace(KNOWN, current_terms=replace(TERMS, sharing_class=SharingClass.UNCONDITIONAL))
    assert gather(QUERY, known).grant_id == ZERO32


def test_gather_refuses_openings() -> None:
    with pytest.raises(FieldError) as raised:
        gather(replace(QUERY, openings=b"\1"), KNOWN)
    assert raised.value.field == "openings"
