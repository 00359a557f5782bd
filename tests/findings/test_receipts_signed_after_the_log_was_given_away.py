"""Between the block that gave a log to another account and the log's halt, a node signed receipts that no
verifier accepts."""

from __future__ import annotations

from cityledger.store.anchoring import logs
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import LogKind
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD


def test_a_node_signs_nothing_at_a_block_at_which_another_account_operates_the_log(node: TestNode) -> None:
    node.put(node.land, "title-1", TITLE_RECORD)
    asking = node.headers("LAND", "reader")
    assert node.client.get(node.url(node.land, "title-1"), headers=asking).status_code == 200
    before = node.row_counts()["receipt"]
    with node.context.services.database.reading() as connection:
        head = logs.find_head(connection, node.agency("LAND"), LogKind.RECEIPTS)
        assert head is not None and head.halted is None

    with node.next_block() as (connection, block):
        history.put(connection, t.idx_log, block, {"log": head.log}, operator="0x" + "99" * 20)

    answer = node.client.get(node.url(node.land, "title-1"), headers=asking)
    assert answer.status_code == 503
    assert node.row_counts()["receipt"] == before
