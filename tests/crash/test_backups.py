"""A backup that is older than the chain: its log halts, and a new log that names it continues."""

from __future__ import annotations

import pytest

from crash.oracle import RECORDS, Oracle
from crash.town import LAND_ACCOUNT, Town
from crash.waiting import await_that
from support.store.databases import fresh_database_url

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_backup_restored_its_log_halts_and_a_new_log_names_it(town: Town, oracle: Oracle) -> None:
    town.node.serve()
    town.write("title-1")
    oracle.await_anchored()
    backup = str(town.folder / "backup")
    town.node.run("node", "backup", backup, "--folder", str(town.node.folder))
    backed_up = list(town.notes.written)
    town.write("title-2")
    oracle.await_anchored()
    oracle.judge()
    town.node.kill()

    restored = town.another_node("restored")
    for path in list(restored.folder.iterdir()):
        if path.name != "cityledger.toml":
            path.rename(town.folder / f"gone-{path.name}")
    url = fresh_database_url(town.folder)
    restored.set(database_url=url)
    restored.run("node", "restore", backup, "--folder", str(restored.folder))
    after = Oracle(town, url)
    assert [row.halted for row in after.rows("SELECT halted FROM log_head WHERE log = 1")] == ["chain-ahead"]
    restored.start()
    link = ["node", "link", "LAND", "--folder", str(restored.folder), "--devnet-account", str(LAND_ACCOUNT)]
    restored.run(*link)
    restored.run("node", "resume-log", "2", "--new-baseline", "--folder", str(restored.folder))
    await_that("the new log is known", lambda: after.rows("SELECT log FROM log_head WHERE log > 2"))
    restored.await_ready()
    made = town.write("title-3", node=restored)
    after.await_anchored()
    assert made.log > RECORDS
    (row,) = after.rows("SELECT predecessor FROM idx_log WHERE log = :log AND valid_to IS NULL", log=made.log)
    assert row.predecessor == RECORDS
    leaves = after.leaves()
    assert all(leaves[one.log][one.seq] == one.leaf_hash for one in (*backed_up, made))
    restored.run("node", "scrub", "--folder", str(restored.folder))
    restored.run("node", "rebuild", "--check", "--folder", str(restored.folder))
    after.close()
    restored.kill()
