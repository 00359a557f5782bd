"""The loss of one agency's key file went unnoticed: check, scrub and start found no fault in the keyring,
while every request for the records of the agency was refused.
"""

from __future__ import annotations

import pytest

from cityledger.checks.indexed import observe_hosted_keys
from cityledger.errors import CheckFailedError
from cityledger.recovery.scrub.leaf import Grounds
from cityledger.recovery.scrub.scrub import Scrub
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.store.index import hosting
from cityledger.types import Address, AgencyId
from support.node.chain_facts import INSTANCE, address_of
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def _operator(node: TestNode) -> Address:
    return Address(node.context.services.operator.address)


@pytest.fixture
def opened(node: TestNode) -> Keyring:
    """The keyring as it is opened after the file of agency 3 was deleted."""
    folder = node.context.settings.keyring
    (folder / "agencies" / "3.json").unlink()
    return Keyring.open(folder, UnlockSecret.from_passphrase("tests"))


def test_the_check_of_the_keyring_names_agency_and_file(node: TestNode, opened: Keyring) -> None:
    database = node.context.services.database
    observe_hosted_keys(database, node.context.services.keyring, _operator(node))

    with pytest.raises(CheckFailedError, match="no keys of PARKING") as raised:
        observe_hosted_keys(database, opened, _operator(node))
    assert "agencies/3.json" in str(raised.value.next_step)
    assert raised.value.vital is False  # the other agencies are served


def test_a_scrub_finds_it(node: TestNode, opened: Keyring) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    services = node.context.services

    def findings(keyring: Keyring) -> list[tuple[int, str]]:
        grounds = Grounds(INSTANCE, services.domain, keyring, services.objects, _operator(node))
        run = Scrub(services.database, services.journal, grounds, lambda _bytes: None).run(restart=True)
        return [(one.log, one.what) for one in run.findings]

    assert findings(services.keyring) == []
    what = "the keyring has no keys of agency 3, whose log this is"
    assert findings(opened) == [(5, what), (6, what)]


def test_agencies_of_another_node_of_the_database_are_not_missed(node: TestNode, opened: Keyring) -> None:
    with node.context.services.database.reading() as connection:
        ours = hosting.list_without_keys(connection, [_operator(node)], opened.agencies())
        theirs = hosting.list_without_keys(connection, [address_of("another operator")], [])
    assert (ours, theirs) == ([AgencyId(3)], [])
