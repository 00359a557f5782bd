"""Names of contracts: the council sets them, everybody reads them."""

from __future__ import annotations

import brownie
from brownie import ZERO_ADDRESS, accounts

COUNCIL, STRANGER = 1, 7
POLICY, OTHER = (name.ljust(32, b"\0") for name in (b"ACCESS_POLICY", b"OTHER"))


def test_get_names_the_policy_that_was_deployed(city):  # type: ignore[no-untyped-def]
    assert city["CityDirectory"].get(POLICY) == (city["AccessPolicy"].address, 1)


def test_set_counts_the_versions_of_a_name(city):  # type: ignore[no-untyped-def]
    directory = city["CityDirectory"]

    for version in (1, 2):
        sent = directory.set(OTHER, accounts[version], {"from": accounts[COUNCIL]})

        assert sent.events["AddressSet"]["version"] == version
        assert directory.get(OTHER) == (accounts[version].address, version)


def test_set_reverts_for_a_stranger(city):  # type: ignore[no-untyped-def]
    message = f"AccessManagedUnauthorized: {accounts[STRANGER].address.lower()}"

    with brownie.reverts(message):
        city["CityDirectory"].set(OTHER, accounts[1], {"from": accounts[STRANGER]})


def test_set_reverts_without_a_target(city):  # type: ignore[no-untyped-def]
    message = f"CityDirectoryZeroArgument: {OTHER!r}, {ZERO_ADDRESS}"

    with brownie.reverts(message):
        city["CityDirectory"].set(OTHER, ZERO_ADDRESS, {"from": accounts[COUNCIL]})
