"""One test for each leaf of agency_registry.tree."""

import pytest

from cityledger.chain.contracts.agency_registry import (
    AccountRotated,
    Admission,
    AgencyAdmitted,
    AgencyStatusChanged,
    Appointment,
    KeysRotated,
    OfficerAppointed,
    OfficerDismissed,
)
from cityledger.types import NO_END, ZERO32, ZERO_ADDRESS, Address, AgencyId, AgencyStatus, Role
from support.city.city_on_chain import City, admission

ACTIVE, SUSPENDED, OFFBOARDED = AgencyStatus.ACTIVE, AgencyStatus.SUSPENDED, AgencyStatus.OFFBOARDED
MISSING = AgencyId(99)
HISTORIES = {
    AgencyStatus.NONE: (),
    ACTIVE: (),
    SUSPENDED: ("suspend",),
    OFFBOARDED: ("offboard",),
}
MOVES = {
    "suspend": ({ACTIVE}, SUSPENDED, 0),
    "reportCompromise": ({ACTIVE, SUSPENDED}, SUSPENDED, 1),
    "reinstate": ({SUSPENDED}, ACTIVE, 0),
    "offboard": ({ACTIVE, SUSPENDED}, OFFBOARDED, 1),
}
GUARDS = ("suspend", "reportCompromise")


def mover(city: City, move: str) -> Address:
    return city.guard if move in GUARDS else city.council


def bring_to(city: City, status: AgencyStatus) -> AgencyId:
    """TAX in that status; for None, an agency that never was."""
    if status == AgencyStatus.NONE:
        return MISSING
    for move in HISTORIES[status]:
        city.registry.send(mover(city, move), move, city.tax)
    return city.tax


# ---- admit ----


def test_admit_refuses_a_caller_who_is_not_the_council(city: City) -> None:
    for caller in (city.deployer, city.guard, city.health_account):
        refusal = city.registry.refusal(caller, "admit", admission("LAND", city.stranger))
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"7",
        b"-A",
        b"_A",
        b"LAND/2",
        b"LA ND",
        b"LAND\x80",
        b"\\x80",
        b"L\0ND",
        b"\0LAND",
        "ÄMTER".encode(),
    ],
)
def test_admit_refuses_a_code_that_is_no_name(city: City, code: bytes) -> None:
    wanted = admission("LAND", city.stranger, code=code.ljust(32, b"\0"))
    assert city.registry.refusal(city.council, "admit", wanted) == (
        "AgencyRegistryInvalidCode",
        {"code": wanted["code"]},
    )


def test_admit_refuses_a_zero_account(city: City) -> None:
    wanted = admission("LAND", ZERO_ADDRESS)
    assert city.registry.refusal(city.council, "admit", wanted) == ("AgencyRegistryZeroAccount", {})


@pytest.mark.parametrize("status", [ACTIVE, SUSPENDED, OFFBOARDED])
def test_admit_refuses_a_code_that_was_ever_taken(city: City, status: AgencyStatus) -> None:
    holder = bring_to(city, status)
    wanted = admission("TAX", city.stranger)
    facts = {"code": b"TAX".ljust(32, b"\0"), "holder": holder}
    assert city.registry.refusal(city.council, "admit", wanted) == ("AgencyRegistryCodeTaken", facts)


def test_admit_makes_the_next_number_active_with_epoch_1(city: City) -> None:
    wanted = admission("LAND", city.stranger)
    agency = AgencyId(city.registry.ask("agencyCount") + 1)

    events = city.registry.send(city.council, "admit", wanted)

    expected = Admission.from_abi(wanted)
    assert events == [AgencyAdmitted(agency, expected), AgencyStatusChanged(agency, ACTIVE, 1)]
    assert city.registry.ask("agencyOf", agency) == wanted | {"status": ACTIVE, "epoch": 1}
    assert city.registry.ask("agencyByCode", wanted["code"]) == agency
    assert city.registry.ask("accountOf", agency) == city.stranger
    assert city.registry.ask("agencyCount") == agency


# ---- suspend, reportCompromise, reinstate, offboard ----


@pytest.mark.parametrize("move", MOVES)
def test_move_refuses_a_caller_whose_move_it_is_not(city: City, move: str) -> None:
    other = city.council if move in GUARDS else city.guard
    for caller in (city.deployer, city.tax_account, other):
        refusal = city.registry.refusal(caller, move, city.tax)
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


@pytest.mark.parametrize("status", AgencyStatus)
@pytest.mark.parametrize("move", MOVES)
def test_move_goes_only_along_the_table(city: City, move: str, status: AgencyStatus) -> None:
    starts, end, epochs = MOVES[move]
    agency = bring_to(city, status)
    epoch = city.registry.ask("standing", agency)["epoch"]

    if status in starts:
        events = city.registry.send(mover(city, move), move, agency)
        assert events == [AgencyStatusChanged(agency, end, epoch + epochs)]
        assert city.registry.ask("standing", agency) == {"status": end, "epoch": epoch + epochs}
    else:
        refusal = city.registry.refusal(mover(city, move), move, agency)
        facts = {"agency": agency, "from": status, "to": end}
        assert refusal == ("AgencyRegistryInvalidMove", facts)


# ---- rotateAccount ----


def test_rotate_account_refuses_a_caller_who_is_not_the_council(city: City) -> None:
    for caller in (city.tax_account, city.guard):
        refusal = city.registry.refusal(caller, "rotateAccount", city.tax, city.stranger)
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


@pytest.mark.parametrize("status", [AgencyStatus.NONE, OFFBOARDED])
def test_rotate_account_refuses_who_is_no_member(city: City, status: AgencyStatus) -> None:
    agency = bring_to(city, status)
    refusal = city.registry.refusal(city.council, "rotateAccount", agency, city.stranger)
    assert refusal == ("AgencyRegistryNotActive", {"agency": agency, "status": status})


def test_rotate_account_refuses_zero(city: City) -> None:
    refusal = city.registry.refusal(city.council, "rotateAccount", city.tax, ZERO_ADDRESS)
    assert refusal == ("AgencyRegistryZeroAccount", {})


@pytest.mark.parametrize("status", [ACTIVE, SUSPENDED])
def test_rotate_account_leaves_nothing_to_the_old_account(city: City, status: AgencyStatus) -> None:
    agency = bring_to(city, status)

    events = city.registry.send(city.council, "rotateAccount", agency, city.stranger)

    assert events == [AccountRotated(agency, city.stranger)]
    assert city.registry.ask("accountOf", agency) == city.stranger
    refusal = city.registry.refusal(city.tax_account, "rotateKeys", agency, ZERO32, ZERO32)
    assert refusal == ("AgencyRegistryNotAccount", {"agency": agency, "caller": city.tax_account})


# ---- appoint ----


def test_appoint_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    for caller in (city.council, city.steward, city.police_account):
        refusal = city.registry.refusal(caller, "appoint", city.health, city.auditor, Role.AUDITOR, NO_END)
        assert refusal == ("AgencyRegistryNotAccount", {"agency": city.health, "caller": caller})


@pytest.mark.parametrize("status", [SUSPENDED, OFFBOARDED])
def test_appoint_refuses_an_agency_that_is_not_active(city: City, status: AgencyStatus) -> None:
    agency = bring_to(city, status)
    refusal = city.registry.refusal(city.tax_account, "appoint", agency, city.auditor, Role.AUDITOR, NO_END)
    assert refusal == ("AgencyRegistryNotActive", {"agency": agency, "status": status})


def test_appoint_refuses_a_zero_account(city: City) -> None:
    refusal = city.registry.refusal(city.tax_account, "appoint", city.tax, ZERO_ADDRESS, Role.AUDITOR, NO_END)
    assert refusal == ("AgencyRegistryZeroAccount", {})


@pytest.mark.parametrize("role", [Role.NONE, Role.READER, Role.WRITER])
def test_appoint_refuses_a_role_that_is_not_held_on_chain(city: City, role: Role) -> None:
    refusal = city.registry.refusal(city.tax_account, "appoint", city.tax, city.auditor, role, NO_END)
    assert refusal == ("AgencyRegistryRoleNotAppointable", {"role": role})


def test_appoint_refuses_an_end_that_is_not_in_the_future(city: City) -> None:
    next_block = city.chain.now() + 1
    refusal = city.registry.refusal(
        city.tax_account, "appoint", city.tax, city.auditor, Role.AUDITOR, next_block
    )
    assert refusal == ("AgencyRegistryUntilPassed", {"until": next_block, "blockTime": next_block})


@pytest.mark.parametrize("role", [Role.STEWARD, Role.AUDITOR, Role.REGISTRAR])
def test_appoint_stores_role_end_and_epoch(city: City, role: Role) -> None:
    city.registry.send(city.guard, "reportCompromise", city.tax)
    city.registry.send(city.council, "reinstate", city.tax)
    until = city.chain.now() + 100

    events = city.registry.send(city.tax_account, "appoint", city.tax, city.auditor, role, until)

    assert events == [OfficerAppointed(city.tax, city.auditor, Appointment(role, until, 2))]
    stored = {"role": role, "until": until, "epoch": 2}
    assert city.registry.ask("appointmentOf", city.tax, city.auditor) == stored


def test_appoint_replaces_an_appointment(city: City) -> None:
    city.appoint(city.tax_account, city.tax, city.auditor, Role.STEWARD)
    city.appoint(city.tax_account, city.tax, city.auditor, Role.AUDITOR)
    assert city.registry.ask("roleOf", city.tax, city.auditor, 0) == Role.AUDITOR


def test_appoint_leaves_another_agencys_officer_alone(city: City) -> None:
    city.appoint(city.tax_account, city.tax, city.steward, Role.AUDITOR)
    assert city.registry.ask("roleOf", city.health, city.steward, 0) == Role.STEWARD
    assert city.registry.ask("roleOf", city.tax, city.steward, 0) == Role.AUDITOR


# ---- dismiss ----


def test_dismiss_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    for caller in (city.council, city.steward):
        refusal = city.registry.refusal(caller, "dismiss", city.health, city.steward)
        assert refusal == ("AgencyRegistryNotAccount", {"agency": city.health, "caller": caller})


def test_dismiss_refuses_who_holds_no_appointment(city: City) -> None:
    refusal = city.registry.refusal(city.health_account, "dismiss", city.health, city.stranger)
    assert refusal == ("AgencyRegistryNotAppointed", {"agency": city.health, "account": city.stranger})


@pytest.mark.parametrize("status", [ACTIVE, SUSPENDED, OFFBOARDED])
def test_dismiss_deletes_the_appointment(city: City, status: AgencyStatus) -> None:
    city.appoint(city.tax_account, city.tax, city.auditor, Role.AUDITOR)
    bring_to(city, status)

    events = city.registry.send(city.tax_account, "dismiss", city.tax, city.auditor)

    assert events == [OfficerDismissed(city.tax, city.auditor)]
    assert city.registry.ask("appointmentOf", city.tax, city.auditor) == {"role": 0, "until": 0, "epoch": 0}


# ---- rotateKeys ----


def test_rotate_keys_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    for caller in (city.council, city.steward):
        refusal = city.registry.refusal(caller, "rotateKeys", city.health, ZERO32, ZERO32)
        assert refusal == ("AgencyRegistryNotAccount", {"agency": city.health, "caller": caller})


def test_rotate_keys_refuses_an_offboarded_agency(city: City) -> None:
    bring_to(city, OFFBOARDED)
    refusal = city.registry.refusal(city.tax_account, "rotateKeys", city.tax, ZERO32, ZERO32)
    assert refusal == ("AgencyRegistryNotActive", {"agency": city.tax, "status": OFFBOARDED})


@pytest.mark.parametrize("status", [ACTIVE, SUSPENDED])
def test_rotate_keys_replaces_both_digests(city: City, status: AgencyStatus) -> None:
    bring_to(city, status)
    digests = b"\7" * 32, b"\x08" * 32

    events = city.registry.send(city.tax_account, "rotateKeys", city.tax, *digests)

    assert events == [KeysRotated(city.tax, *digests)]
    agency = city.registry.ask("agencyOf", city.tax)
    assert (agency["sealingKeyDigest"], agency["credentialKeyDigest"]) == digests


# ---- roleOf ----


def test_role_of_is_none_without_an_appointment(city: City) -> None:
    assert city.registry.ask("roleOf", city.health, city.stranger, 0) == Role.NONE
    assert city.registry.ask("roleOf", MISSING, city.stranger, 0) == Role.NONE


def test_role_of_holds_until_the_end(city: City) -> None:
    until = city.chain.now() + 100
    city.registry.send(city.tax_account, "appoint", city.tax, city.auditor, Role.AUDITOR, until)
    assert city.registry.ask("roleOf", city.tax, city.auditor, until - 1) == Role.AUDITOR
    assert city.registry.ask("roleOf", city.tax, city.auditor, until) == Role.NONE


def test_role_of_holds_while_the_agency_is_suspended(city: City) -> None:
    city.registry.send(city.guard, "suspend", city.health)
    assert city.registry.ask("roleOf", city.health, city.steward, 0) == Role.STEWARD


def test_role_of_ends_with_the_epoch_and_is_not_revived(city: City) -> None:
    city.registry.send(city.guard, "reportCompromise", city.health)
    assert city.registry.ask("roleOf", city.health, city.steward, 0) == Role.NONE
    city.registry.send(city.council, "reinstate", city.health)
    assert city.registry.ask("roleOf", city.health, city.steward, 0) == Role.NONE


# ---- questions ----


def test_questions_answer_zero_for_a_missing_agency(city: City) -> None:
    agency = city.registry.ask("agencyOf", MISSING)
    assert not any(value for value in agency.values() if value not in (ZERO32, ZERO_ADDRESS))
    assert city.registry.ask("standing", MISSING) == {"status": 0, "epoch": 0}
    assert city.registry.ask("accountOf", MISSING) == ZERO_ADDRESS
    assert city.registry.ask("agencyByCode", b"NONE".ljust(32, b"\0")) == 0
