from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.store import receipts
from cityledger.store.tables import receipt as table
from cityledger.types import AgencyId
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

HEALTH, LAND, NOBODY = AgencyId(1), AgencyId(2), AgencyId(99)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@pytest.fixture
def reads(node: TestNode) -> TestNode:
    """Reads of an agency's own record and of another's, in turn."""
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.put(node.land, "title-1", TITLE_RECORD)
    query = (
        ("HEALTH", "OWN_DUTY", node.health),
        ("LAND", "TREATMENT", node.health),
        ("LAND", "OWN_DUTY", node.land),
    )
    for code, purpose, dataset in query * 2:
        name = "title-1" if dataset == node.land else "visit-1"
        node.client.get(node.url(dataset, name), headers=node.headers(code, "reader", purpose))
    return node


def listed(node: TestNode, agency: AgencyId, **page: Any) -> list[tuple[int, int]]:
    with node.context.services.database.reading() as connection:
        found = receipts.list_receipts(connection, agency, [HEALTH, LAND, NOBODY], **page)
        return [(one.leaf.log, one.leaf.seq) for one in found]


@pytest.mark.parametrize("agency", [HEALTH, LAND, NOBODY])
def test_list_receipts_gives_each_receipt_that_concerns_the_agency_once(
    reads: TestNode, agency: AgencyId
) -> None:
    with reads.context.services.database.reading() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.log, table.c.seq)).all()
    wanted = [(row.log, row.seq) for row in rows if agency in (row.provider, row.consumer)]
    assert len(wanted) == {HEALTH: 4, LAND: 4, NOBODY: 0}[agency]
    assert listed(reads, agency) == wanted
    for place in range(len(wanted)):
        assert listed(reads, agency, after=wanted[place], limit=2) == wanted[place + 1 : place + 3]


def test_list_receipts_reads_no_receipts_of_other_agencies(
    reads: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = reads.context.services.database.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's planner goes by how much there is")
    statements: list[tuple[str, Any]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
    listed(reads, NOBODY, after=(1, 5))
    with reads.context.services.database.reading() as connection:
        plans = [
            row[3]
            for statement, given in list(statements)
            if "FROM receipt" in statement
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            if "receipt" in row[3]
        ]
    assert len(plans) == 2
    assert "(log=?" in plans[0]
    assert "(consumer=? AND" in plans[1]
