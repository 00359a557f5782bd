"""A deployed city for brownie users, and two repairs that brownie 1.22 needs with today's libraries."""

from __future__ import annotations

import hypothesis.extra.pytestplugin  # noqa: F401 - brownie names it without importing it
import pytest
from brownie.test import stateful
from scripts import deploy

from brownie import accounts

COUNCIL, HEALTH, OPERATOR, LAND, STEWARD = 1, 3, 4, 5, 6
"""Accounts of the devnet by number; 0 deploys and 2 is the guard."""
STEWARD_ROLE = 3
NO_END = 2**40 - 1
CONDITIONAL, CLOSED = 2, 0
TREATMENT = b"TREATMENT".ljust(32, b"\0")

# Newer versions of hypothesis check invariants by another name; brownie's override breaks the call.
if "check_invariants" in vars(stateful._BrownieStateMachine):
    del stateful._BrownieStateMachine.check_invariants


@pytest.fixture(scope="module")
def city(module_isolation):  # type: ignore[no-untyped-def]
    """The contracts by name, on a chain of this module's own. Account 0 deploys, 1 is council, 2 guard."""
    return deploy.main()


@pytest.fixture(scope="module")
def health(city):  # type: ignore[no-untyped-def]
    """An agency whose account is number 3 and whose steward is number 6."""
    agency = _admit(city, "HEALTH", HEALTH)
    city["AgencyRegistry"].appoint(
        agency, accounts[STEWARD], STEWARD_ROLE, NO_END, {"from": accounts[HEALTH]}
    )
    return agency


@pytest.fixture(scope="module")
def land(city):  # type: ignore[no-untyped-def]
    """An agency whose account is number 5."""
    return _admit(city, "LAND", LAND)


@pytest.fixture(scope="module")
def log(city, health):  # type: ignore[no-untyped-def]
    """A records log of the health agency; account 4 anchors in it."""
    records, no_log = 1, 0
    opened = city["RecordLedger"].openLog(
        health, records, accounts[OPERATOR], no_log, {"from": accounts[HEALTH]}
    )
    return opened.events["LogOpened"]["log"]


@pytest.fixture(scope="module")
def visits(city, health, land):  # type: ignore[no-untyped-def]
    """A dataset of the health agency that may be read for treatment, by whom it is granted to."""
    city["DataCatalog"].addPurpose(TREATMENT, {"from": accounts[COUNCIL]})
    terms = (CONDITIONAL, CLOSED, False, False, [TREATMENT])
    publication = (
        health,
        "health/visits/records",
        "Visits",
        "",
        b"medical".ljust(32, b"\0"),
        ["summary"],
        b"\1" * 32,
        NO_END,
        0,
        terms,
    )
    published = city["DataCatalog"].publish(publication, {"from": accounts[STEWARD]})
    return published.events["DatasetPublished"]["dataset"]


@pytest.fixture(autouse=True)
def isolation(city, health, land, log, visits, fn_isolation):  # type: ignore[no-untyped-def]
    """What a test does to the chain is undone; the fixtures above stay."""


def _admit(city, code, number):  # type: ignore[no-untyped-def]
    no_key = b"\0" * 32
    admission = (
        code.encode().ljust(32, b"\0"),
        code,
        "",
        "https://x.example",
        accounts[number],
        no_key,
        no_key,
    )
    admitted = city["AgencyRegistry"].admit(admission, {"from": accounts[COUNCIL]})
    return admitted.events["AgencyAdmitted"]["agency"]
