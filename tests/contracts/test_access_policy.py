"""One test for each leaf of access_policy.tree. Contract and Python answer every question together."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cityledger.chain.contracts import Event
from cityledger.chain.contracts.data_catalog import terms_to_abi
from cityledger.errors import FieldError
from cityledger.policy import decide
from cityledger.types import (
    EMERGENCY,
    NO_AGENCY,
    NO_END,
    NO_SUBJECT,
    OWN_DUTY,
    ZERO32,
    Action,
    AgencyId,
    Decision,
    Query,
    RecordId,
    Role,
    SharingClass,
    purpose_from_name,
)
from support.city.city_on_chain import (
    LOOSENING_DELAY,
    TAXATION,
    TREATMENT,
    UNLISTED,
    City,
    decide_on_chain,
    query_abi,
    terms,
)
from support.city.policy_fold import Fold

RECORD = RecordId(b"\x0a" * 32)
READS_FOR_ALL = [Action.READ, Action.CHECK, Action.HISTORY, Action.PROOF, Action.RELEASE, Action.FEED]

WRITERS = (Action.LOOKUP, Action.WRITE, Action.ERASE)


class Asker:
    """POLICE reads one part of HEALTH's Conditional dataset under a grant; a test may change the query."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.dataset = city.publish()
        self.grant_id = city.grant(self.dataset, parts=0b01)
        self.query = Query(
            at=city.chain.now(),
            action=Action.READ,
            role=Role.READER,
            consumer=city.police,
            officer=None,
            credential_until=NO_END,
            represents=NO_AGENCY,
            dataset=self.dataset,
            record=RECORD,
            subject=NO_SUBJECT,
            purpose=TREATMENT,
            parts=0b01,
        )

    def decide(self, **changes: Any) -> Decision:
        """The contract's answer, after Python gave the same from the events."""
        query = replace(self.query, **changes)
        answer = decide_on_chain(self.city, query)
        assert decide(query, self._fold().known(query)) == answer
        return answer

    def code(self, **changes: Any) -> int:
        return self.decide(**changes).code

    def _fold(self) -> Fold:
        fold = Fold()
        fold.apply(list(self._events()))
        return fold

    def _events(self) -> Iterator[Event]:
        return (logged.event for logged in self.city.history())


@pytest.fixture
def asker(city: City) -> Asker:
    return Asker(city)


# ---- 13: self ----


def test_self_is_denied_to_all(asker: Asker) -> None:
    for consumer in (asker.city.police, asker.city.health, AgencyId(99)):
        assert asker.code(action=Action.SELF, consumer=consumer) == 131


# ---- 1: consumer ----


def test_a_missing_consumer_is_denied(asker: Asker) -> None:
    assert asker.code(consumer=AgencyId(99)) == 11
    assert asker.code(consumer=NO_AGENCY) == 11


def test_a_suspended_consumer_is_denied(asker: Asker) -> None:
    asker.city.registry.send(asker.city.guard, "suspend", asker.city.police)
    assert asker.code() == 11


def test_an_offboarded_consumer_is_denied(asker: Asker) -> None:
    asker.city.registry.send(asker.city.council, "offboard", asker.city.police)
    assert asker.code() == 11


# ---- 2: role and credential ----


@pytest.mark.parametrize("role", [Role.NONE, Role.STEWARD, Role.AUDITOR, Role.REGISTRAR])
def test_an_off_chain_officer_is_reader_or_writer_only(asker: Asker, role: Role) -> None:
    assert asker.code(role=role, action=Action.PROOF) == 21


@pytest.mark.parametrize("action", Action)
def test_a_reader_reads_and_a_writer_writes(asker: Asker, action: Action) -> None:
    own = {"consumer": asker.city.health, "purpose": OWN_DUTY, "action": action}
    if action == Action.SELF:
        return  # rule 13's, above
    reads = action in (*READS_FOR_ALL, Action.LOOKUP)
    assert asker.code(role=Role.READER, **own) == (40 if reads else 21)
    assert asker.code(role=Role.WRITER, **own) == (40 if action in WRITERS else 21)


def test_an_on_chain_officer_without_the_role_is_denied(asker: Asker) -> None:
    city = asker.city
    assert asker.code(officer=city.stranger, role=Role.STEWARD) == 21
    assert asker.code(officer=city.police_steward, role=Role.AUDITOR, action=Action.PROOF) == 21
    assert asker.code(officer=city.police_steward, role=Role.READER) == 21
    assert asker.code(officer=city.steward, role=Role.STEWARD) == 21  # steward elsewhere


def test_an_on_chain_officers_appointment_lapses(asker: Asker) -> None:
    city, until = asker.city, asker.city.chain.now() + 100
    city.registry.send(city.police_account, "appoint", city.police, city.auditor, Role.STEWARD, until)
    assert asker.code(officer=city.auditor, role=Role.STEWARD, at=until - 1) == 120
    assert asker.code(officer=city.auditor, role=Role.STEWARD, at=until) == 21


def test_an_on_chain_officers_appointment_ends_with_the_epoch(asker: Asker) -> None:
    city = asker.city
    city.registry.send(city.guard, "reportCompromise", city.police)
    city.registry.send(city.council, "reinstate", city.police)
    assert asker.code(officer=city.police_steward, role=Role.STEWARD) == 21


def test_an_on_chain_officer_with_the_role_goes_on(asker: Asker) -> None:
    city = asker.city
    assert asker.code(officer=city.police_steward, role=Role.STEWARD) == 120
    city.appoint(city.police_account, city.police, city.auditor, Role.AUDITOR)
    assert asker.code(officer=city.auditor, role=Role.AUDITOR, action=Action.HISTORY) == 120
    assert asker.code(officer=city.auditor, role=Role.AUDITOR) == 21


def test_a_credential_expires(asker: Asker) -> None:
    at = asker.query.at
    assert asker.code(credential_until=at + 1) == 120
    assert asker.code(credential_until=at) == 22


# ---- 3: purpose ----


def test_an_unknown_purpose_is_denied(asker: Asker) -> None:
    assert asker.code(purpose=UNLISTED) == 31


def test_a_removed_purpose_is_denied(asker: Asker) -> None:
    asker.city.catalog.send(asker.city.council, "removePurpose", TREATMENT)
    assert asker.code() == 31


def test_a_purpose_is_allowed_by_the_terms_of_the_time(asker: Asker) -> None:
    city = asker.city
    wanted = terms(SharingClass.CONDITIONAL, (TREATMENT, TAXATION))
    city.catalog.send(city.steward, "revise", asker.dataset, terms_to_abi(wanted), ZERO32, 0, 0)
    due = city.chain.now() + LOOSENING_DELAY
    city.catalog.send(city.steward, "grant", asker.dataset, city.police, TAXATION, 1, 0, NO_END)
    assert asker.code(purpose=TAXATION, at=due - 1) == 32
    assert asker.code(purpose=TAXATION, at=due) == 120


def test_own_duty_is_the_providers_alone(asker: Asker) -> None:
    assert asker.code(purpose=OWN_DUTY) == 32
    assert asker.code(purpose=OWN_DUTY, consumer=asker.city.health) == 40
    assert asker.code(purpose=OWN_DUTY, dataset=ZERO32, consumer=asker.city.health) == 32


@pytest.mark.parametrize(
    ("action", "role"),
    [
        (Action.WRITE, Role.WRITER),
        (Action.ERASE, Role.WRITER),
        (Action.RESTRICT, Role.STEWARD),
        (Action.SEAL, Role.STEWARD),
    ],
)
def test_what_is_the_providers_own_no_purpose_allows(asker: Asker, action: Action, role: Role) -> None:
    city = asker.city
    officers = (city.steward, city.police_steward) if role == Role.STEWARD else (None, None)
    mine = {"action": action, "role": role, "officer": officers[0], "consumer": city.health}
    theirs = {"action": action, "role": role, "officer": officers[1]}
    assert asker.code(**theirs) == 32
    assert asker.code(**mine) == 32
    assert asker.code(**mine, purpose=OWN_DUTY) == 40


# ---- 4: the provider ----


def test_the_provider_is_permitted_whatever_stands_against_the_record(asker: Asker) -> None:
    city = asker.city
    city.catalog.send(city.steward, "sealByLaw", asker.dataset, RECORD)
    city.catalog.send(city.steward, "restrict", asker.dataset, RECORD, NO_AGENCY, True)
    not_shared = terms_to_abi(terms(SharingClass.NOT_SHARED))
    city.catalog.send(city.steward, "revise", asker.dataset, not_shared, ZERO32, 0, 0)
    city.catalog.send(city.steward, "retire", asker.dataset)
    for purpose in (OWN_DUTY, TREATMENT):
        answer = asker.decide(consumer=city.health, purpose=purpose)
        assert (answer.permit, answer.code, answer.grant_id) == (True, 40, ZERO32)


def test_the_provider_erases_nothing_that_is_sealed_by_law(asker: Asker) -> None:
    city = asker.city
    own = {"consumer": city.health, "purpose": OWN_DUTY, "role": Role.WRITER, "action": Action.ERASE}
    assert asker.code(**own) == 40
    city.catalog.send(city.steward, "sealByLaw", asker.dataset, RECORD)
    assert asker.code(**own) == 41
    assert asker.code(**{**own, "action": Action.WRITE}) == 40  # a version more destroys nothing
    assert asker.code(**own, record=RecordId(b"\x0b" * 32)) == 40
    city.catalog.send(city.council, "liftSeal", asker.dataset, RECORD)
    assert asker.code(**own) == 40


# ---- 5, 6, 7 ----


def test_a_sealed_record_is_denied(asker: Asker) -> None:
    asker.city.catalog.send(asker.city.steward, "sealByLaw", asker.dataset, RECORD)
    assert asker.code() == 51
    assert asker.code(record=RecordId(b"\x0b" * 32)) == 120


def test_an_emergency_is_denied_as_no_dataset_allows_it(asker: Asker) -> None:
    city = asker.city
    dataset = city.publish("health/visits/urgent", terms=terms(purposes=(EMERGENCY,)))
    assert asker.code(dataset=dataset, purpose=EMERGENCY) == 61


def test_a_provider_that_is_not_active_denies(asker: Asker) -> None:
    asker.city.registry.send(asker.city.guard, "suspend", asker.city.health)
    assert asker.code() == 71
    asker.city.registry.send(asker.city.council, "offboard", asker.city.health)
    assert asker.code() == 71


def test_a_retired_dataset_is_denied(asker: Asker) -> None:
    asker.city.catalog.send(asker.city.steward, "retire", asker.dataset)
    assert asker.code() == 72


# ---- 8: grants ----


def test_an_empty_slot_is_denied(asker: Asker) -> None:
    city = asker.city
    assert asker.code(consumer=city.tax) == 81
    city.catalog.send(city.steward, "revoke", asker.dataset, city.police, TREATMENT)
    assert asker.decide() == replace(asker.decide(), permit=False, code=81, grant_id=ZERO32)


def test_a_grant_holds_from_since_to_before_until(asker: Asker) -> None:
    now = asker.city.chain.now()
    asker.city.grant(asker.dataset, since=now + 10, until=now + 20)
    codes = [asker.code(at=now + seconds) for seconds in (9, 10, 19, 20)]
    assert codes == [81, 120, 120, 81]


def test_a_grant_covers_its_parts(asker: Asker) -> None:
    assert [asker.code(parts=parts) for parts in (0b00, 0b01, 0b10, 0b11)] == [120, 120, 81, 81]


@pytest.mark.parametrize("side", ["health", "police"])
def test_a_grant_ends_with_either_epoch(asker: Asker, side: str) -> None:
    city = asker.city
    agency = getattr(city, side)
    city.registry.send(city.guard, "suspend", agency)
    city.registry.send(city.council, "reinstate", agency)
    assert asker.code() == 120
    city.registry.send(city.guard, "reportCompromise", agency)
    city.registry.send(city.council, "reinstate", agency)
    assert asker.code() == 81


def test_a_live_grant_permits_and_is_named(asker: Asker) -> None:
    answer = asker.decide()
    assert (answer.permit, answer.code) == (True, 120)
    assert (answer.grant_id, answer.artefact_id) == (asker.grant_id, ZERO32)


# ---- 9, 10, 12 ----


def test_a_dataset_that_is_not_shared_is_denied(asker: Asker) -> None:
    dataset = asker.city.publish("health/visits/closed", terms=terms(SharingClass.NOT_SHARED))
    assert asker.code(dataset=dataset) == 91


def test_a_record_restricted_for_all_is_denied(asker: Asker) -> None:
    city = asker.city
    city.catalog.send(city.steward, "restrict", asker.dataset, RECORD, NO_AGENCY, True)
    city.catalog.send(city.steward, "restrict", asker.dataset, RECORD, city.police, True)
    assert asker.code() == 101


def test_a_record_restricted_for_one_is_denied_to_that_one(asker: Asker) -> None:
    city = asker.city
    dataset = city.publish("health/visits/open", terms=terms(SharingClass.UNCONDITIONAL))
    city.catalog.send(city.steward, "restrict", dataset, RECORD, city.police, True)
    assert asker.code(dataset=dataset) == 102
    assert asker.code(dataset=dataset, consumer=city.tax) == 120


def test_an_unconditional_dataset_permits_and_names_no_grant(asker: Asker) -> None:
    city = asker.city
    dataset = city.publish("health/visits/open", terms=terms(SharingClass.UNCONDITIONAL))
    city.catalog.send(city.steward, "grant", dataset, city.police, TREATMENT, 1, 0, NO_END)
    answer = asker.decide(dataset=dataset)
    assert (answer.code, answer.grant_id) == (120, ZERO32)


# ---- the calls ----


def test_openings_are_refused_by_name(asker: Asker) -> None:
    query = replace(asker.query, openings=b"\1")
    for function in ("decide", "facts"):
        refusal = asker.city.policy.refusal(asker.city.stranger, function, query_abi(query))
        feature = purpose_from_name("OPENINGS")
        assert refusal == ("AccessPolicyUnsupportedFeature", {"feature": feature})
    with pytest.raises(FieldError, match=r"^openings: "):
        decide(query, Fold().known(query))


def test_decide_many_answers_in_order(asker: Asker) -> None:
    queries = [replace(asker.query, parts=parts) for parts in (0b10, 0b01)]
    answers = asker.city.policy.ask("decideMany", [query_abi(query) for query in queries])
    assert [answer["code"] for answer in answers] == [81, 120]
    assert answers[1] == asker.city.policy.ask("decide", query_abi(queries[1]))
    assert asker.city.policy.ask("decideMany", []) == []


def test_facts_are_what_decide_rests_on(asker: Asker) -> None:
    answer = asker.decide()
    facts = asker.city.policy.ask("facts", query_abi(asker.query))
    assert facts == {"word": answer.facts, "grantId": answer.grant_id, "artefactId": answer.artefact_id}
