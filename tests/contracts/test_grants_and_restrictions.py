"""One test for each leaf of grants_and_restrictions.tree."""

import pytest

from cityledger.chain.contracts.data_catalog import GrantRevoked, GrantSet, RestrictionSet, SealSet
from cityledger.types import (
    NO_AGENCY,
    NO_END,
    NO_RECORD,
    OWN_DUTY,
    ZERO32,
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    Grant,
    Purpose,
    RecordId,
)
from support.city.city_on_chain import TREATMENT, UNLISTED, City

RECORD = RecordId(b"\x0a" * 32)
MISSING = DatasetId(b"\xee" * 32)
EMPTY = {"grantId": ZERO32, "parts": 0, "since": 0, "until": 0, "providerEpoch": 0, "consumerEpoch": 0}
NOTHING = {"forAll": False, "forConsumer": False, "sealedByLaw": False}


def wanted(
    city: City, dataset: DatasetId, purpose: Purpose = TREATMENT, parts: int = 0b11
) -> tuple[object, ...]:
    return dataset, city.police, purpose, parts, 0, NO_END


# ---- grant ----


def test_grant_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "grant", *wanted(city, dataset))
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_grant_refuses_a_suspended_provider(city: City) -> None:
    dataset = city.publish()
    city.registry.send(city.guard, "suspend", city.health)
    facts = {"provider": city.health, "status": AgencyStatus.SUSPENDED}
    refusal = city.catalog.refusal(city.steward, "grant", *wanted(city, dataset))
    assert refusal == ("DataCatalogProviderNotActive", facts)


def test_grant_refuses_a_retired_dataset(city: City) -> None:
    dataset = city.publish()
    city.catalog.send(city.steward, "retire", dataset)
    facts = {"dataset": dataset, "status": DatasetStatus.RETIRED}
    refusal = city.catalog.refusal(city.steward, "grant", *wanted(city, dataset))
    assert refusal == ("DataCatalogDatasetNotActive", facts)


@pytest.mark.parametrize("status", [AgencyStatus.NONE, AgencyStatus.SUSPENDED, AgencyStatus.OFFBOARDED])
def test_grant_refuses_a_consumer_that_is_not_active(city: City, status: AgencyStatus) -> None:
    dataset = city.publish()
    consumer = AgencyId(99) if status == AgencyStatus.NONE else city.police
    if status == AgencyStatus.SUSPENDED:
        city.registry.send(city.guard, "suspend", consumer)
    elif status == AgencyStatus.OFFBOARDED:
        city.registry.send(city.council, "offboard", consumer)
    refusal = city.catalog.refusal(city.steward, "grant", dataset, consumer, TREATMENT, 1, 0, NO_END)
    assert refusal == ("DataCatalogConsumerNotActive", {"consumer": consumer, "status": status})


def test_grant_refuses_own_duty(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "grant", *wanted(city, dataset, OWN_DUTY))
    assert refusal == ("DataCatalogOwnDuty", {})


def test_grant_refuses_a_purpose_that_the_city_does_not_know(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "grant", *wanted(city, dataset, UNLISTED))
    assert refusal == ("DataCatalogUnknownPurpose", {"purpose": UNLISTED})


@pytest.mark.parametrize("parts", [0b100, 0b111, 0b10000000])
def test_grant_refuses_a_part_that_the_dataset_does_not_have(city: City, parts: int) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "grant", *wanted(city, dataset, parts=parts))
    assert refusal == ("DataCatalogUnknownParts", {"dataset": dataset, "parts": parts})


@pytest.mark.parametrize(("since", "until"), [(5, 0), (0, 0), (10, 10), (11, 10)])
def test_grant_refuses_an_interval_that_is_empty_or_over(city: City, since: int, until: int) -> None:
    dataset = city.publish()
    block_time = city.chain.now() + 1
    start, end = block_time + since, block_time + until
    refusal = city.catalog.refusal(city.steward, "grant", dataset, city.police, TREATMENT, 1, start, end)
    facts = {"since": start, "until": end, "blockTime": block_time}
    assert refusal == ("DataCatalogInvalidInterval", facts)


def test_grant_stores_parts_interval_and_epochs(city: City) -> None:
    city.registry.send(city.guard, "reportCompromise", city.police)
    city.registry.send(city.council, "reinstate", city.police)
    dataset = city.publish()
    until = city.chain.now() + 100

    events = city.catalog.send(city.steward, "grant", dataset, city.police, TREATMENT, 0b10, 7, until)

    stored = city.catalog.ask("grantOf", dataset, city.police, TREATMENT)
    made = Grant(stored["grantId"], 0b10, 7, until, 1, 2)
    assert events == [GrantSet(dataset, city.police, TREATMENT, made)]
    assert stored == {
        "grantId": made.grant_id,
        "parts": 0b10,
        "since": 7,
        "until": until,
        "providerEpoch": 1,
        "consumerEpoch": 2,
    }
    assert made.grant_id != ZERO32


def test_grant_never_uses_an_id_twice(city: City) -> None:
    dataset = city.publish()
    first, second = city.grant(dataset), city.grant(dataset, parts=0)
    city.catalog.send(city.steward, "revoke", dataset, city.police, TREATMENT)
    third = city.grant(dataset)
    assert len({first, second, third}) == 3
    assert city.catalog.ask("grantOf", dataset, city.police, TREATMENT)["grantId"] == third


# ---- revoke ----


def test_revoke_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    city.grant(dataset)
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "revoke", dataset, city.police, TREATMENT)
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_revoke_refuses_an_empty_slot(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "revoke", dataset, city.police, TREATMENT)
    facts = {"dataset": dataset, "consumer": city.police, "purpose": TREATMENT}
    assert refusal == ("DataCatalogNoGrant", facts)


@pytest.mark.parametrize("before", ["nothing", "suspended", "retired"])
def test_revoke_deletes_the_grant(city: City, before: str) -> None:
    dataset = city.publish()
    grant_id = city.grant(dataset)
    if before == "suspended":
        city.registry.send(city.guard, "suspend", city.health)
    if before == "retired":
        city.catalog.send(city.steward, "retire", dataset)

    events = city.catalog.send(city.steward, "revoke", dataset, city.police, TREATMENT)

    assert events == [GrantRevoked(dataset, city.police, TREATMENT, grant_id)]
    assert city.catalog.ask("grantOf", dataset, city.police, TREATMENT) == EMPTY


# ---- restrict ----


def test_restrict_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "restrict", dataset, RECORD, NO_AGENCY, True)
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_restrict_refuses_a_missing_dataset(city: City) -> None:
    refusal = city.catalog.refusal(city.steward, "restrict", MISSING, RECORD, NO_AGENCY, True)
    assert refusal == ("DataCatalogNotSteward", {"provider": 0, "caller": city.steward})


def test_restrict_refuses_the_zero_record(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "restrict", dataset, NO_RECORD, NO_AGENCY, True)
    assert refusal == ("DataCatalogZeroRecord", {"dataset": dataset})


def test_restrict_refuses_a_consumer_that_was_never_admitted(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "restrict", dataset, RECORD, 99, True)
    assert refusal == ("DataCatalogUnknownConsumer", {"consumer": 99})


def test_restrict_of_a_suspended_provider_only_tightens(city: City) -> None:
    dataset = city.publish()
    city.registry.send(city.guard, "suspend", city.health)
    events = city.catalog.send(city.steward, "restrict", dataset, RECORD, NO_AGENCY, True)
    assert events == [RestrictionSet(dataset, RECORD, NO_AGENCY, True)]
    refusal = city.catalog.refusal(city.steward, "restrict", dataset, RECORD, NO_AGENCY, False)
    facts = {"provider": city.health, "status": AgencyStatus.SUSPENDED}
    assert refusal == ("DataCatalogProviderNotActive", facts)


def test_restrict_is_for_all_or_for_one(city: City) -> None:
    dataset = city.publish()

    def restrictions_of(consumer: AgencyId) -> tuple[bool, bool]:
        answer = city.catalog.ask("restrictionsOf", dataset, RECORD, consumer)
        return answer["forAll"], answer["forConsumer"]

    city.catalog.send(city.steward, "restrict", dataset, RECORD, city.police, True)
    assert (restrictions_of(city.police), restrictions_of(city.tax)) == ((False, True), (False, False))
    city.catalog.send(city.steward, "restrict", dataset, RECORD, NO_AGENCY, True)
    assert (restrictions_of(city.police), restrictions_of(city.tax)) == ((True, True), (True, False))
    city.catalog.send(city.steward, "restrict", dataset, RECORD, city.police, False)
    assert (restrictions_of(city.police), restrictions_of(city.tax)) == ((True, False), (True, False))
    events = city.catalog.send(city.steward, "restrict", dataset, RECORD, NO_AGENCY, False)
    assert events == [RestrictionSet(dataset, RECORD, NO_AGENCY, False)]
    assert city.catalog.ask("restrictionsOf", dataset, RECORD, city.police) == NOTHING


# ---- sealByLaw, liftSeal ----


def test_seal_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "sealByLaw", dataset, RECORD)
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_seal_refuses_the_zero_record(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.steward, "sealByLaw", dataset, NO_RECORD)
    assert refusal == ("DataCatalogZeroRecord", {"dataset": dataset})


@pytest.mark.parametrize("is_suspended", [False, True])
def test_seal_seals_the_record(city: City, is_suspended: bool) -> None:
    dataset = city.publish()
    if is_suspended:
        city.registry.send(city.guard, "suspend", city.health)
    assert city.catalog.send(city.steward, "sealByLaw", dataset, RECORD) == [SealSet(dataset, RECORD, True)]
    assert city.catalog.ask("restrictionsOf", dataset, RECORD, city.tax) == NOTHING | {"sealedByLaw": True}


def test_lift_seal_refuses_a_caller_who_is_not_the_council(city: City) -> None:
    dataset = city.publish()
    city.catalog.send(city.steward, "sealByLaw", dataset, RECORD)
    for caller in (city.steward, city.guard, city.deployer):
        refusal = city.catalog.refusal(caller, "liftSeal", dataset, RECORD)
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


def test_lift_seal_refuses_where_there_is_no_seal(city: City) -> None:
    dataset = city.publish()
    refusal = city.catalog.refusal(city.council, "liftSeal", dataset, RECORD)
    assert refusal == ("DataCatalogNotSealed", {"dataset": dataset, "record": RECORD})


def test_lift_seal_lifts_it(city: City) -> None:
    dataset = city.publish()
    city.catalog.send(city.steward, "sealByLaw", dataset, RECORD)
    assert city.catalog.send(city.council, "liftSeal", dataset, RECORD) == [SealSet(dataset, RECORD, False)]
    assert city.catalog.ask("restrictionsOf", dataset, RECORD, city.tax) == NOTHING
