"""What stands against one record: restrictions of the provider, a seal by law."""

from __future__ import annotations

import brownie
from brownie import accounts

COUNCIL, STEWARD = 1, 6
RECORD = b"\7" * 32
ALL = 0


def test_restrict_holds_for_one_consumer_or_for_all(city, visits, land):  # type: ignore[no-untyped-def]
    catalog, steward = city["DataCatalog"], {"from": accounts[STEWARD]}

    catalog.restrict(visits, RECORD, land, True, steward)
    assert catalog.restrictionsOf(visits, RECORD, land) == (False, True, False)

    catalog.restrict(visits, RECORD, ALL, True, steward)
    catalog.restrict(visits, RECORD, land, False, steward)
    assert catalog.restrictionsOf(visits, RECORD, land) == (True, False, False)


def test_seal_by_law_is_lifted_by_the_council_alone(city, visits, land):  # type: ignore[no-untyped-def]
    catalog, steward = city["DataCatalog"], accounts[STEWARD]
    catalog.sealByLaw(visits, RECORD, {"from": steward})
    assert catalog.restrictionsOf(visits, RECORD, land)[2]

    with brownie.reverts(f"AccessManagedUnauthorized: {steward.address.lower()}"):
        catalog.liftSeal(visits, RECORD, {"from": steward})

    catalog.liftSeal(visits, RECORD, {"from": accounts[COUNCIL]})
    assert not catalog.restrictionsOf(visits, RECORD, land)[2]


def test_lift_seal_reverts_where_there_is_none(city, visits):  # type: ignore[no-untyped-def]
    with brownie.reverts(f"DataCatalogNotSealed: {bytes(visits)!r}, {RECORD!r}"):
        city["DataCatalog"].liftSeal(visits, RECORD, {"from": accounts[COUNCIL]})
