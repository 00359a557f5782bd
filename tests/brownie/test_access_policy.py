"""A grant and what the policy says of it, as a brownie user plays it through."""

from __future__ import annotations

import brownie
from brownie import accounts, chain

STEWARD, STRANGER = 6, 7
READ, READER = 1, 1
NO_END = 2**40 - 1
TREATMENT = b"TREATMENT".ljust(32, b"\0")
ZERO, NO_ACCOUNT = b"\0" * 32, "0x" + "00" * 20
NO_GRANT = 80
"""Rule 8 of SPEC.md §2."""


def _decision(city, visits, consumer):  # type: ignore[no-untyped-def]
    at = chain[-1].timestamp
    query = (at, READ, READER, consumer, NO_ACCOUNT, NO_END, 0, visits, ZERO, ZERO, TREATMENT, 1, b"")
    return city["AccessPolicy"].decide(query)


def _grant(city, visits, consumer, days=1):  # type: ignore[no-untyped-def]
    now = chain[-1].timestamp
    return city["DataCatalog"].grant(
        visits, consumer, TREATMENT, 1, now, now + days * 86_400, {"from": accounts[STEWARD]}
    )


def test_decide_denies_without_a_grant(city, visits, land):  # type: ignore[no-untyped-def]
    permit, code = _decision(city, visits, land)[:2]

    assert (permit, code // 10 * 10) == (False, NO_GRANT)


def test_decide_permits_while_the_grant_is_live(city, visits, land):  # type: ignore[no-untyped-def]
    _grant(city, visits, land)
    assert _decision(city, visits, land)[0]

    chain.sleep(2 * 86_400)
    chain.mine()

    assert not _decision(city, visits, land)[0]


def test_decide_denies_at_once_after_revoke(city, visits, land):  # type: ignore[no-untyped-def]
    _grant(city, visits, land)

    city["DataCatalog"].revoke(visits, land, TREATMENT, {"from": accounts[STEWARD]})

    assert not _decision(city, visits, land)[0]


def test_grant_reverts_for_a_stranger(city, visits, land):  # type: ignore[no-untyped-def]
    now = chain[-1].timestamp
    with brownie.reverts(revert_pattern="DataCatalogNotSteward: .*"):
        city["DataCatalog"].grant(visits, land, TREATMENT, 1, now, now + 60, {"from": accounts[STRANGER]})
