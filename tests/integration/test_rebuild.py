"""An index that has lived through everything equals one that is read again from the chain; damage is found
and repaired, also where the repair is killed.
"""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from cityledger.profiles import registry
from cityledger.types import NO_END, AgencyId, DatasetId, RecordId, SharingClass, purpose_from_name
from crash.oracle import Oracle
from crash.town import LAND, STEWARD, Town
from support.city.deployed_city import COUNCIL, terms
from support.store.databases import KINDS

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]
CREDIT = purpose_from_name("CREDIT_CHECK")
BANK_ACCOUNT, EVERYBODY = 6, AgencyId(0)


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", request.param)


def rule_and_undo(town: Town) -> None:
    """Everything that stewards and council do on chain, and its opposite."""
    catalog = town.city.contracts.catalog
    town.send(COUNCIL, catalog.add_purpose(CREDIT))
    bank = town.city.admit("BANK", BANK_ACCOUNT)
    shared = published(town)
    for parts in (1, 3):
        town.send(STEWARD, catalog.grant(shared, bank, CREDIT, parts, 0, NO_END))
    town.send(STEWARD, catalog.revoke(shared, bank, CREDIT))
    town.send(STEWARD, catalog.grant(shared, bank, CREDIT, 1, 0, NO_END))
    record = RecordId(b"\x07" * 32)
    for is_restricted in (True, False, True):
        town.send(STEWARD, catalog.restrict(shared, record, EVERYBODY, is_restricted=is_restricted))
    town.send(STEWARD, catalog.seal_by_law(shared, record))


def published(town: Town) -> DatasetId:
    profile = registry.get("property")
    return town.city.publish(
        LAND,
        STEWARD,
        path="registration/real-estate/charges",
        profile="property",
        parts=profile.part_names,
        schema_digest=profile.schema_digest,
        terms=terms(SharingClass.CONDITIONAL, CREDIT),
    )


def work_through_reorgs(town: Town, oracle: Oracle) -> None:
    """Writes, versions, erasures, reads and heads, while the newest blocks are replaced again and again."""
    for number in range(3):
        for _ in range(2):
            town.write(f"title-{number}", area=60.0 + number)
        town.read(f"title-{number}")
        town.chain.reorg(2)
    oracle.await_anchored()
    for number in (0, 1):
        town.client().move_head(town.dataset, f"title-{number}")
    town.chain.reorg(1)
    town.erase("title-2")
    town.write("title-1", area=70.0)
    oracle.await_anchored()
    town.client().move_head(town.dataset, "title-1")


@pytest.mark.usefixtures("database_kind")
def test_rebuild_equals_the_index_that_lived_through_reorgs_and_heals_a_damaged_one(town: Town) -> None:
    oracle, here = Oracle(town), ("--folder", str(town.node.folder))
    town.node.serve()
    rule_and_undo(town)
    work_through_reorgs(town, oracle)
    oracle.await_anchored()
    oracle.judge(failed=None)
    before = town.node.json("node", "rebuild", "--check", *here)
    assert before["equal"] is True
    assert before["live"] == before["rebuilt"]
    assert "already" in town.node.run("node", "rebuild", *here, code=1)
    town.node.kill()

    engine = sa.create_engine(town.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        assert connection.execute(sa.text("UPDATE idx_grant SET parts = 7 WHERE valid_to IS NULL")).rowcount
        assert connection.execute(sa.text("DELETE FROM idx_head WHERE valid_to IS NULL")).rowcount
    engine.dispose()
    output = town.node.run("node", "rebuild", "--check", "--json", *here, code=4)
    found = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert found["equal"] is False
    assert {name for name in found if name.endswith("differences")} == {
        "idx_grant differences",
        "idx_head differences",
    }

    town.node.run("node", "rebuild", *here, point="after:cityledger.recovery.index.rebuild.replace")
    town.node.run("node", "rebuild", "--check", *here, code=4)
    town.node.run("node", "rebuild", *here)
    assert town.node.json("node", "rebuild", "--check", *here)["equal"] is True
    assert town.node.json("node", "digest", "--at", str(before["block"]), *here)["digest"] == before["live"]
    town.node.serve()
    oracle.judge(failed=None)
    oracle.close()
