"""Several processes, several endpoints: one of them dies or lags, and nothing is done twice."""

from __future__ import annotations

import pytest

from crash.backlog import FOR_EVER, leave_backlog
from crash.node_that_dies import NodeThatDies
from crash.oracle import Oracle
from crash.town import Town
from crash.waiting import await_that
from support.chain.faulty_rpc import faulty_rpc
from support.chain.rpc_faults import Fault

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_two_processes_started_nothing_is_done_twice(town: Town, oracle: Oracle) -> None:
    """PostgreSQL serves both, and the other continues when the first dies; SQLite is for one process."""
    second = town.another_node("second")
    town.node.set(batch_max_age_seconds=FOR_EVER)
    town.node.serve()
    if town.database_url.startswith("sqlite"):
        for folder in (town.node.folder, second.folder):
            refused = town.node.run("node", "serve", "--folder", str(folder), "--port", "0", code=1)
            assert "already" in refused
        second = town.node
    else:
        second.serve()
    write_through(town, second, 60)
    town.node.kill()
    if second is not town.node:
        oracle.await_anchored()

    town.node.set(batch_max_age_seconds=0.0)
    town.node.serve()
    write_through(town, second, 70)
    oracle.await_anchored()
    verdict = oracle.judge()
    assert verdict.attempts == verdict.transactions and verdict.leaves == 8


def write_through(town: Town, second: NodeThatDies, area: float) -> None:
    for number in range(4):
        town.write(f"title-{number}", area=area + number, node=second if number % 2 else town.node)


def test_failover_to_a_lagging_endpoint_nothing_is_done_on_its_old_head(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    cursor = "SELECT max(number) FROM block"
    with faulty_rpc(town.devnet.rpc_url) as good, faulty_rpc(town.devnet.rpc_url) as lagging:
        town.node.set(rpc_url=f"{good.url},{lagging.url}", batch_max_age_seconds=FOR_EVER)
        town.node.serve()
        town.write("title-late")
        town.node.kill()

        town.node.set(batch_max_age_seconds=0.0)
        lagging.lag_blocks = 6
        lagging.on(Fault.LAGGING)
        good.on(Fault.SERVER_ERROR)
        before = oracle.rows(cursor)[0][0]
        town.chain.hold()
        town.node.start()
        seen = lagging.methods["eth_getBlockByNumber"]
        await_that("it looks again and again", lambda: lagging.methods["eth_getBlockByNumber"] > seen + 20)
        assert not oracle.rows("SELECT id FROM attempt"), "nothing is signed on an old head"
        assert oracle.rows(cursor)[0][0] == before, "and nothing undone"

        town.chain.resume()
        lagging.off()
        town.node.await_ready()
        oracle.await_anchored()
        oracle.judge()
        town.node.kill()
