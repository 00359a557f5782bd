"""One test for each leaf of data_catalog.tree."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.contracts.data_catalog import (
    DatasetPublished,
    DatasetRetired,
    DatasetRevised,
    PurposeSet,
    TermsSet,
    terms_from_abi,
    terms_to_abi,
)
from cityledger.types import (
    EMERGENCY,
    OWN_DUTY,
    ZERO32,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    Openness,
    Purpose,
    SharingClass,
    Terms,
    purpose_from_name,
)
from support.city.city_on_chain import (
    DAY,
    LOOSENING_DELAY,
    TAXATION,
    TREATMENT,
    UNLISTED,
    City,
    Deployed,
    publication,
    terms,
)

UNCONDITIONAL, CONDITIONAL, NOT_SHARED = (
    SharingClass.UNCONDITIONAL,
    SharingClass.CONDITIONAL,
    SharingClass.NOT_SHARED,
)
MISSING = DatasetId(b"\xee" * 32)
BOTH = (TREATMENT, TAXATION)


def revision(dataset: DatasetId, wanted: Terms) -> tuple[object, ...]:
    return dataset, terms_to_abi(wanted), b"\4" * 32, 100 * DAY, DAY


def stands_at(catalog: Deployed, dataset: DatasetId, at: int) -> Terms:
    return terms_from_abi(catalog.ask("termsAt", dataset, at))


# ---- addPurpose, removePurpose ----


@pytest.mark.parametrize("function", ["addPurpose", "removePurpose"])
def test_purposes_refuse_a_caller_who_is_not_the_council(city: City, function: str) -> None:
    for caller in (city.deployer, city.guard, city.steward):
        refusal = city.catalog.refusal(caller, function, TREATMENT)
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


@pytest.mark.parametrize("text", [b"", b"treatment", b"A B", b"A\0B", b"\0A", b"A\xff", b"A-B"])
def test_add_purpose_refuses_another_form(city: City, text: bytes) -> None:
    purpose = text.ljust(32, b"\0")
    refusal = city.catalog.refusal(city.council, "addPurpose", purpose)
    assert refusal == ("DataCatalogInvalidPurpose", {"purpose": purpose})


@pytest.mark.parametrize("purpose", [OWN_DUTY, EMERGENCY])
@pytest.mark.parametrize("function", ["addPurpose", "removePurpose"])
def test_purposes_refuse_what_is_built_in(city: City, function: str, purpose: Purpose) -> None:
    assert city.catalog.ask("isPurpose", purpose)
    refusal = city.catalog.refusal(city.council, function, purpose)
    assert refusal == ("DataCatalogBuiltInPurpose", {"purpose": purpose})


def test_purposes_refuse_what_changes_nothing(city: City) -> None:
    refusal = city.catalog.refusal(city.council, "addPurpose", TREATMENT)
    assert refusal == ("DataCatalogPurposeUnchanged", {"purpose": TREATMENT, "isListed": True})
    refusal = city.catalog.refusal(city.council, "removePurpose", UNLISTED)
    assert refusal == ("DataCatalogPurposeUnchanged", {"purpose": UNLISTED, "isListed": False})


@pytest.mark.parametrize("name", ["A", "A_1", "X" * 32])
def test_purposes_are_listed_and_taken_off(city: City, name: str) -> None:
    purpose = purpose_from_name(name)
    assert city.catalog.send(city.council, "addPurpose", purpose) == [PurposeSet(purpose, True)]
    assert city.catalog.ask("isPurpose", purpose)
    assert city.catalog.send(city.council, "removePurpose", purpose) == [PurposeSet(purpose, False)]
    assert not city.catalog.ask("isPurpose", purpose)


# ---- publish ----


def test_publish_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    for caller in (city.health_account, city.police_steward, city.council, city.stranger):
        refusal = city.catalog.refusal(caller, "publish", publication(city.health).to_abi())
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_publish_refuses_a_suspended_provider(city: City) -> None:
    city.registry.send(city.guard, "suspend", city.health)
    refusal = city.catalog.refusal(city.steward, "publish", publication(city.health).to_abi())
    facts = {"provider": city.health, "status": AgencyStatus.SUSPENDED}
    assert refusal == ("DataCatalogProviderNotActive", facts)


@pytest.mark.parametrize(
    "path", ["", "a", "a/b", "a/b/c/d", "/a/b", "a/b/", "a//b", "//", "a/b/" + "c" * 197]
)
def test_publish_refuses_another_form_of_path(city: City, path: str) -> None:
    refusal = city.catalog.refusal(city.steward, "publish", publication(city.health, path).to_abi())
    assert refusal == ("DataCatalogInvalidPath", {"path": path})


def test_publish_takes_the_longest_path(city: City) -> None:
    assert city.publish("a/b/" + "c" * 196)


def test_publish_refuses_a_zero_profile(city: City) -> None:
    wanted = publication(city.health).to_abi() | {"profile": ZERO32}
    assert city.catalog.refusal(city.steward, "publish", wanted) == ("DataCatalogZeroProfile", {})


@pytest.mark.parametrize("count", [0, 9])
def test_publish_refuses_no_parts_and_too_many(city: City, count: int) -> None:
    wanted = publication(city.health, parts=tuple(f"part{i}" for i in range(count)))
    refusal = city.catalog.refusal(city.steward, "publish", wanted.to_abi())
    assert refusal == ("DataCatalogInvalidPartCount", {"count": count})


@pytest.mark.parametrize("name", ["", "x" * 33, "summary"])
def test_publish_refuses_another_form_of_part(city: City, name: str) -> None:
    wanted = publication(city.health, parts=("summary", "images", name))
    refusal = city.catalog.refusal(city.steward, "publish", wanted.to_abi())
    assert refusal == ("DataCatalogInvalidPart", {"index": 2, "name": name})


def test_publish_refuses_terms_that_are_not_sound(city: City) -> None:
    wanted = publication(city.health, terms=terms(purposes=(UNLISTED,)))
    refusal = city.catalog.refusal(city.steward, "publish", wanted.to_abi())
    assert refusal == ("DataCatalogUnknownPurpose", {"purpose": UNLISTED})


@pytest.mark.parametrize("is_retired", [False, True])
def test_publish_refuses_a_path_that_was_ever_taken(city: City, is_retired: bool) -> None:
    dataset = city.publish("a/b/c")
    if is_retired:
        city.catalog.send(city.steward, "retire", dataset)
    refusal = city.catalog.refusal(city.steward, "publish", publication(city.health, "a/b/c").to_abi())
    assert refusal == ("DataCatalogPathTaken", {"provider": city.health, "path": "a/b/c"})


def test_publish_derives_the_id_from_instance_provider_and_path(city: City) -> None:
    values = city.instance, city.health, "健康/就诊/全部"
    assert city.publish(values[2]) == keccak(encode(["bytes32", "uint32", "string"], values))


def test_publish_stores_everything(city: City) -> None:
    wanted = publication(city.health, parts=tuple(f"part{i}" for i in range(8)), terms=terms(purposes=BOTH))

    events = city.catalog.send(city.steward, "publish", wanted.to_abi())

    dataset = events[0].dataset  # type: ignore[union-attr]
    assert events == [
        DatasetPublished(dataset, city.health, wanted),
        TermsSet(dataset, wanted.terms, None, 0),
    ]
    expected = wanted.to_abi() | {"status": DatasetStatus.ACTIVE}
    del expected["terms"]
    assert city.catalog.ask("datasetOf", dataset) == expected
    assert city.catalog.ask("standing", dataset) == {"provider": city.health, "status": DatasetStatus.ACTIVE}
    assert stands_at(city.catalog, dataset, 0) == wanted.terms


# ---- revise ----


def test_revise_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "revise", *revision(dataset, terms()))
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_revise_refuses_a_missing_dataset(city: City) -> None:
    refusal = city.catalog.refusal(city.steward, "revise", *revision(MISSING, terms()))
    assert refusal == ("DataCatalogNotSteward", {"provider": 0, "caller": city.steward})


def test_revise_refuses_a_suspended_provider(city: City) -> None:
    dataset = city.publish()
    city.registry.send(city.guard, "suspend", city.health)
    refusal = city.catalog.refusal(city.steward, "revise", *revision(dataset, terms()))
    facts = {"provider": city.health, "status": AgencyStatus.SUSPENDED}
    assert refusal == ("DataCatalogProviderNotActive", facts)


def test_revise_refuses_a_retired_dataset(city: City) -> None:
    dataset = city.publish()
    city.catalog.send(city.steward, "retire", dataset)
    refusal = city.catalog.refusal(city.steward, "revise", *revision(dataset, terms()))
    facts = {"dataset": dataset, "status": DatasetStatus.RETIRED}
    assert refusal == ("DataCatalogDatasetNotActive", facts)


def many_purposes(count: int) -> list[bytes]:
    return [purpose_from_name(f"P{i:02}") for i in range(count)]


UNSOUND: list[tuple[str, dict[str, Any], tuple[str, dict[str, Any]]]] = [
    ("no class", {"sharingClass": 0}, ("DataCatalogZeroClass", {})),
    ("17 purposes", {"purposes": many_purposes(17)}, ("DataCatalogTooManyPurposes", {"count": 17})),
    (
        "a purpose twice",
        {"purposes": [TREATMENT, TREATMENT]},
        ("DataCatalogPurposesNotAscending", {"index": 1, "purpose": TREATMENT}),
    ),
    (
        "falling purposes",
        {"purposes": [TREATMENT, TAXATION]},
        ("DataCatalogPurposesNotAscending", {"index": 1, "purpose": TAXATION}),
    ),
    ("OWN_DUTY", {"purposes": [OWN_DUTY]}, ("DataCatalogOwnDuty", {})),
    ("unlisted", {"purposes": [UNLISTED]}, ("DataCatalogUnknownPurpose", {"purpose": UNLISTED})),
    (
        "emergency, not shared",
        {"sharingClass": NOT_SHARED, "emergencyAllowed": True, "purposes": [EMERGENCY]},
        ("DataCatalogEmergencyContradicted", {"sharingClass": NOT_SHARED, "hasEmergencyPurpose": True}),
    ),
    (
        "emergency without its purpose",
        {"emergencyAllowed": True},
        ("DataCatalogEmergencyContradicted", {"sharingClass": CONDITIONAL, "hasEmergencyPurpose": False}),
    ),
    (
        "public, conditional",
        {"openness": Openness.PUBLIC},
        ("DataCatalogPublicContradicted", {"sharingClass": CONDITIONAL, "consentRequired": False}),
    ),
    (
        "public with consent",
        {"sharingClass": UNCONDITIONAL, "openness": Openness.PUBLIC, "consentRequired": True},
        ("DataCatalogPublicContradicted", {"sharingClass": UNCONDITIONAL, "consentRequired": True}),
    ),
    (
        "consent",
        {"consentRequired": True},
        ("DataCatalogUnsupportedFeature", {"feature": purpose_from_name("CONSENT")}),
    ),
    (
        "emergency",
        {"emergencyAllowed": True, "purposes": [EMERGENCY]},
        ("DataCatalogUnsupportedFeature", {"feature": EMERGENCY}),
    ),
    (
        "public",
        {"sharingClass": UNCONDITIONAL, "openness": Openness.PUBLIC},
        ("DataCatalogUnsupportedFeature", {"feature": purpose_from_name("PUBLIC")}),
    ),
]


@pytest.mark.parametrize(("changes", "error"), [row[1:] for row in UNSOUND], ids=[row[0] for row in UNSOUND])
def test_revise_refuses_terms_that_are_not_sound(
    city: City, changes: dict[str, Any], error: tuple[str, dict[str, Any]]
) -> None:
    wanted = terms_to_abi(terms()) | changes
    dataset = city.publish()
    assert city.catalog.refusal(city.steward, "revise", dataset, wanted, ZERO32, 0, 0) == error
    published = publication(city.health, "another/path/here").to_abi() | {"terms": wanted}
    assert city.catalog.refusal(city.steward, "publish", published) == error


def test_revise_takes_16_purposes(city: City) -> None:
    purposes = many_purposes(16)
    for purpose in purposes:
        city.catalog.send(city.council, "addPurpose", purpose)
    assert city.publish(terms=terms(purposes=purposes))  # type: ignore[arg-type]


def test_revise_sets_what_is_tighter_at_once(city: City) -> None:
    dataset = city.publish(terms=terms(CONDITIONAL, BOTH))
    tighter = terms(NOT_SHARED, (TREATMENT,))

    events = city.catalog.send(city.steward, "revise", *revision(dataset, tighter))

    revised = DatasetRevised(dataset, b"\4" * 32, 100 * DAY, DAY)
    assert events == [revised, TermsSet(dataset, tighter, None, 0)]
    assert stands_at(city.catalog, dataset, 0) == tighter
    stored = city.catalog.ask("datasetOf", dataset)
    assert (stored["schemaDigest"], stored["retentionSeconds"], stored["disputePeriodSeconds"]) == (
        b"\4" * 32,
        100 * DAY,
        DAY,
    )


def test_revise_lets_what_is_looser_wait(city: City) -> None:
    before, looser = terms(CONDITIONAL, (TREATMENT,)), terms(UNCONDITIONAL, BOTH)
    dataset = city.publish(terms=before)

    events = city.catalog.send(city.steward, "revise", *revision(dataset, looser))

    due = city.chain.now() + LOOSENING_DELAY
    assert events[1] == TermsSet(dataset, before, looser, due)
    assert stands_at(city.catalog, dataset, due - 1) == before
    assert stands_at(city.catalog, dataset, due) == looser
    assert city.catalog.ask("termsOf", dataset) == {
        "current": terms_to_abi(before),
        "pending": terms_to_abi(looser),
        "pendingSince": due,
    }


def test_revise_tightens_and_loosens_field_by_field(city: City) -> None:
    dataset = city.publish(terms=terms(CONDITIONAL, (TREATMENT,)))
    wanted = terms(UNCONDITIONAL, (TAXATION,))

    events = city.catalog.send(city.steward, "revise", *revision(dataset, wanted))

    due = city.chain.now() + LOOSENING_DELAY
    assert events[1] == TermsSet(dataset, terms(CONDITIONAL, ()), wanted, due)


def test_revise_replaces_what_is_pending_and_not_due(city: City) -> None:
    before = terms(CONDITIONAL, (TREATMENT,))
    dataset = city.publish(terms=before)
    city.catalog.send(city.steward, "revise", *revision(dataset, terms(UNCONDITIONAL)))
    city.chain.go_to(city.chain.now() + LOOSENING_DELAY - 10)
    wanted = terms(CONDITIONAL, BOTH)

    events = city.catalog.send(city.steward, "revise", *revision(dataset, wanted))

    assert events[1] == TermsSet(dataset, before, wanted, city.chain.now() + LOOSENING_DELAY)


def test_revise_takes_a_loosening_back(city: City) -> None:
    before = terms(CONDITIONAL)
    dataset = city.publish(terms=before)
    city.catalog.send(city.steward, "revise", *revision(dataset, terms(UNCONDITIONAL)))
    events = city.catalog.send(city.steward, "revise", *revision(dataset, before))
    assert events[1] == TermsSet(dataset, before, None, 0)


def test_revise_begins_from_what_was_pending_and_is_due(city: City) -> None:
    dataset = city.publish(terms=terms(CONDITIONAL, (TREATMENT,)))
    city.catalog.send(city.steward, "revise", *revision(dataset, terms(UNCONDITIONAL, BOTH)))
    city.chain.go_to(city.chain.now() + LOOSENING_DELAY)
    wanted = terms(UNCONDITIONAL, (TAXATION,))

    events = city.catalog.send(city.steward, "revise", *revision(dataset, wanted))

    assert events[1] == TermsSet(dataset, wanted, None, 0)


# ---- retire ----


def test_retire_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    dataset = city.publish()
    for caller in (city.health_account, city.police_steward, city.council):
        refusal = city.catalog.refusal(caller, "retire", dataset)
        assert refusal == ("DataCatalogNotSteward", {"provider": city.health, "caller": caller})


def test_retire_refuses_a_retired_dataset(city: City) -> None:
    dataset = city.publish()
    city.catalog.send(city.steward, "retire", dataset)
    facts = {"dataset": dataset, "status": DatasetStatus.RETIRED}
    assert city.catalog.refusal(city.steward, "retire", dataset) == ("DataCatalogDatasetNotActive", facts)


@pytest.mark.parametrize("is_suspended", [False, True])
def test_retire_ends_the_dataset(city: City, is_suspended: bool) -> None:
    dataset = city.publish()
    if is_suspended:
        city.registry.send(city.guard, "suspend", city.health)
    assert city.catalog.send(city.steward, "retire", dataset) == [DatasetRetired(dataset)]
    assert city.catalog.ask("standing", dataset)["status"] == DatasetStatus.RETIRED
