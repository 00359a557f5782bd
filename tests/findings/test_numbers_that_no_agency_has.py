"""A restore that was to continue at a revocation list object with a number above uint32 in its name filled
the database and then ended in an error of the ABI, each time that it was run again. Numbers that a person
types into a command came as far.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from cityledger.chain.contracts.agency_registry import AgencyRegistry
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.recovery.restore.revocations import gather_lists
from cityledger.store.engine.database import Database
from cityledger.store.index.queries import find_agency
from cityledger.types import MAX_AGENCY, Address, AgencyId
from support.node.node_fixture import TestNode, make_node
from support.node.revocation_lists import grounds, signed
from support.store.databases import fresh_database_url

NUMBERS = [AgencyId(one) for one in (-1, 0, MAX_AGENCY + 1, 2**64)]


def test_list_object_of_such_a_number_is_refused_and_no_agency_awaited(tmp_path: Path) -> None:
    node: TestNode = make_node(tmp_path)
    objects, name = node.context.services.objects, f"revocations/9999999999/{'1' * 64}/1.jwt"
    objects.put(name, [signed(node, 1).encode()])

    found = gather_lists(objects, None, grounds(node, []))
    node.close()

    assert [one.name for one in found.refused] == [name]
    assert found.doubtful == frozenset()


@pytest.mark.parametrize("number", NUMBERS)
def test_registry_has_no_agency_of_such_a_number(number: AgencyId) -> None:
    no_endpoint = cast("Endpoint", None)
    assert AgencyRegistry(no_endpoint, Address("0x" + "11" * 20)).find_agency(number, "latest") is None


@pytest.mark.parametrize("number", NUMBERS)
def test_index_has_no_agency_of_such_a_number(number: AgencyId, tmp_path: Path) -> None:
    database = Database(fresh_database_url(tmp_path))
    with database.reading() as connection:
        assert find_agency(connection, number) is None
    database.close()
