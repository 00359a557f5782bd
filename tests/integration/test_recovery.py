"""The drill of docs/operator/backup.md, command by command on a real node and chain."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cityledger.client.access_context import OWN_DUTY
from cityledger.client.answers import Written
from cityledger.errors import AuthenticationError, NotFoundError
from crash.node_that_dies import NodeThatDies
from crash.oracle import RECORDS, Oracle
from crash.town import LAND_ACCOUNT, Town
from support.city.deployed_city import account
from support.node.recovered_town import (
    back_up,
    database_of,
    new_node,
    put_long,
    restore,
    verify_read_and_proven,
    writing,
)
from support.store.databases import KINDS

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]
PAGE = Path(__file__).parents[2] / "docs/operator/backup.md"
PASSWORD = "of the tests"


# --- the drill ------------------------------------------------------------------------------------------


@dataclass
class Drill:
    """The commands of the page's drill, in its order; run as written but for the places that it names."""

    town: Town
    commands: list[str]

    def next(self, wanted: str, code: int = 0) -> str:
        """Runs the next command, which must be of that name; returns what it printed."""
        command = self.commands.pop(0)
        assert command.startswith(f"cityledger {wanted} "), command
        if wanted == "node serve":
            self.town.node.serve()
            return ""
        at_node = ("--node", self.town.node.url) if wanted == "officer revoke" else ()
        return self.town.node.run(*self._arguments(command), *at_node, code=code)

    def skip(self, wanted: str) -> None:
        assert wanted in self.commands.pop(0)

    def _arguments(self, command: str) -> list[str]:
        folder = self.town.folder
        here = {
            "--folder node": f"--folder {folder / 'node'}",
            "/backups/land": str(folder / "backup"),
            "/copies/tombstones": str(folder / "lost" / "objects" / "tombstones"),
            "/copies/revocations": str(folder / "lost" / "objects" / "revocations"),
            "land.json": f"{folder / 'land.json'} --password-file {folder / 'password'}",
        }
        for written, ours in here.items():
            command = command.replace(written, ours)
        return shlex.split(command)[1:]


@pytest.fixture
def drill(town: Town) -> Drill:
    section = PAGE.read_text().partition("## The drill\n")[2].partition("\n## ")[0]
    key = Account.encrypt(account(LAND_ACCOUNT).key, PASSWORD, iterations=2)
    (town.folder / "land.json").write_text(json.dumps(key))
    (town.folder / "password").write_text(PASSWORD + "\n")
    return Drill(town, re.findall(r"`(cityledger [^`]+)`", section))


@pytest.mark.parametrize("store_is_lost", [False, True])
def test_drill_of_the_page_brings_a_lost_node_back_without_what_was_erased_since(
    town: Town, drill: Drill, store_is_lost: bool
) -> None:
    if not store_is_lost:
        town.node.set(object_store_url=(town.folder / "bucket").as_uri())
    oracle = Oracle(town)
    town.node.serve()
    written = [put_long(town, "title-1"), town.write("title-1")]
    put_long(town, "title-2")
    oracle.await_anchored()
    revoke(town, "dr.chen")
    drill.next("node backup")
    drill.next("node backup")

    # After the backup one record is erased, another is written, and one more officer is revoked; then the
    # machine is lost.
    town.erase("title-2")
    revoke(town, "dr.li")
    town.write("title-3")
    oracle.await_anchored()
    oracle.close()
    town.node.kill()
    town.node.folder.rename(town.folder / "lost")
    (town.folder / "node.db").unlink()

    if store_is_lost:
        drill.skip("restore")
    output = drill.next("node restore")
    if not store_is_lost:
        drill.skip("--tombstones")
    assert re.search(r"erased again +1\b", output) and re.search(rf"halted logs +{RECORDS}\b", output), output
    shutil.copytree(
        town.folder / "lost" / "credentials", town.node.folder / "credentials"
    )  # the officers' own
    drill.next("node rebuild")
    assert "chain-ahead" in drill.next("node logs", code=1)
    drill.next("node link")
    drill.next("node serve")
    drill.next("node scrub")
    assert revoked_at(town, town.node) == ["dr.chen", "dr.li"]
    drill.next("officer revoke")
    assert revoked_at(town, town.node) == ["dr.chen", "dr.li"]
    assert drill.commands == []

    restored = Oracle(town)
    verify_read_and_proven(town, town.node, written)
    for erased_or_lost in ("title-2", "title-3"):
        with pytest.raises(NotFoundError):
            town.client("reader").get_record(town.dataset, erased_or_lost, OWN_DUTY)
    made = town.write("title-3")
    restored.await_anchored()
    (row,) = restored.rows(
        "SELECT predecessor FROM idx_log WHERE log = :log AND valid_to IS NULL", log=made.log
    )
    assert row.predecessor == RECORDS
    verify_read_and_proven(town, town.node, [made])
    restored.close()


# --- revocation lists -----------------------------------------------------------------------------------


def revoke(town: Town, officer: str) -> None:
    town.node.run("officer", "revoke", "LAND", officer, *at(town, town.node))


def revoked_at(town: Town, node: NodeThatDies) -> list[str]:
    return [row["officer"] for row in node.json("officer", "revocations", "LAND", *at(town, node))]


def at(town: Town, node: NodeThatDies) -> tuple[str, ...]:
    """The node, and the folder with LAND's credential key."""
    return ("--folder", str(town.node.folder), "--node", node.url)


def test_agency_whose_list_is_lost_with_the_store_is_refused_until_it_puts_it_again(town: Town) -> None:
    town.node.serve()
    town.write("title-1")
    revoke(town, "dr.chen")
    backup = back_up(town)
    revoke(town, "dr.li")
    town.node.kill()

    restored = new_node(town, "restored", "sqlite")
    command = ("node", "restore", str(backup), "--folder", str(restored.folder))
    assert restored.json(*command)["awaited_revocation_lists"] == ["LAND"]
    restored.serve()
    reading = town.client("reader", url=restored.url)
    with pytest.raises(AuthenticationError, match="newest revocation list"):
        reading.get_record(town.dataset, "title-1", OWN_DUTY)

    restored.run("officer", "revoke", "LAND", "dr.chen", "dr.li", "--whole", *at(town, restored))
    assert reading.get_record(town.dataset, "title-1", OWN_DUTY).version == 1
    assert revoked_at(town, restored) == ["dr.chen", "dr.li"]
    assert len(list((restored.folder / "objects" / "revocations").rglob("*.jwt"))) == 1


def test_restore_stops_at_a_list_that_it_cannot_verify_and_names_it(town: Town) -> None:
    town.node.serve()
    backup = back_up(town)
    revoke(town, "dr.li")
    town.node.kill()
    (list_file,) = (town.node.folder / "objects" / "revocations").rglob("*.jwt")
    head, claims, signature = list_file.read_text().split(".")
    list_file.write_text(".".join((head, claims, signature[::-1])))

    restored = new_node(town, "restored", "sqlite")
    assert list_file.name in restore(town, restored, backup, code=4)
    assert "has not ended" in restored.run("node", "serve", "--folder", str(restored.folder), code=1)

    said = json.loads(restore(town, restored, backup, "--without-refused-lists"))
    assert said["awaited_revocation_lists"] == ["LAND"]
    assert [name.endswith(list_file.name) for name in said["refused_revocation_lists"]] == [True]


# --- tombstones that cannot be obeyed -------------------------------------------------------------------


def test_restore_stops_at_a_tombstone_that_it_cannot_obey_and_names_it(town: Town) -> None:
    town.node.serve()
    town.write("title-1")
    backup = back_up(town)
    town.erase("title-1")
    town.node.kill()
    (tombstone,) = (town.node.folder / "objects" / "tombstones").rglob("*.json")
    content = json.loads(tombstone.read_bytes())
    content["signature"] = "0x" + "1b" * 65
    tombstone.write_text(json.dumps(content))

    restored = new_node(town, "restored", "sqlite")
    assert tombstone.name in restore(town, restored, backup, code=4)
    assert "has not ended" in restored.run("node", "serve", "--folder", str(restored.folder), code=1)

    report = json.loads(restore(town, restored, backup, "--without-refused-tombstones"))
    assert report["refused_tombstones"] == [tombstone.name]
    assert report["erased_again"] == 0
    restored.serve()
    reading = town.client("reader", url=restored.url)
    assert reading.get_record(town.dataset, "title-1", OWN_DUTY).version == 1


# --- backups while clients write, from one kind of database to the other and back -----------------------


def test_backup_while_clients_write_holds_all_that_was_acknowledged_before_it(town: Town) -> None:
    oracle = Oracle(town)
    town.node.set(
        batch_max_age_seconds=5.0
    )  # what the backup did not close would share a batch with what is lost
    town.node.serve()
    with writing(town) as load:
        load.await_more(20)
        before = list(town.notes.written)
        backup = back_up(town)
        load.await_more(5)
    oracle.await_anchored()
    oracle.judge()
    oracle.close()
    known = town.node.json("node", "digest", "--folder", str(town.node.folder))
    town.node.kill()

    on_postgresql = new_node(town, "on-postgresql", "postgresql")
    assert json.loads(restore(town, on_postgresql, backup))["halted_logs"] == [RECORDS]
    verify_restored(town, on_postgresql, known, before)
    on_sqlite = new_node(town, "on-sqlite", "sqlite")
    second = back_up(town, on_postgresql)
    on_postgresql.kill()
    restore(town, on_sqlite, second)
    verify_restored(town, on_sqlite, known, before)


def verify_restored(town: Town, node: NodeThatDies, known: Mapping[str, Any], written: list[Written]) -> None:
    """Index, store and proofs; leaves the node serving."""
    here = ("--folder", str(node.folder))
    node.run("node", "rebuild", *here)
    at_block = node.json("node", "digest", "--at", str(known["block"]), *here)
    assert at_block == known
    node.run("node", "link", "LAND", "--devnet-account", str(LAND_ACCOUNT), *here)
    node.serve()
    assert node.json("node", "scrub", *here) == []
    verify_read_and_proven(town, node, written)


# --- killed while it backs up or restores ---------------------------------------------------------------

BACKUP = "cityledger.recovery.backup.backup"
BACKUP_POINTS = (
    *("statement:record_part", f"after:{BACKUP}._copy_database", f"after:{BACKUP}._copy_object"),
    *(
        f"after:{BACKUP}._copy_objects",
        f"after:{BACKUP}.sync_folder",
        "after:cityledger.recovery.backup.manifest.save",
    ),
    "after:shutil.rmtree",
)
RESTORE_POINTS = (
    *("after:cityledger.cli.node.restore._begin", "after:cityledger.cli.node.restore._place_files"),
    *(
        "after:cityledger.recovery.restore.restore.restore_objects",
        "statement:record_part",
        "before-commit:record_part",
    ),
    *("after-commit:record_part", "after:cityledger.recovery.restore.restore.restore_database"),
)


def test_backup_that_is_killed_leaves_a_whole_one_and_is_run_again(town: Town) -> None:
    town.node.serve()
    put_long(town, "title-0")
    command = ["node", "backup", str(town.folder / "backup-node"), "--folder", str(town.node.folder)]
    town.node.run(*command, point=BACKUP_POINTS[0])
    assert "no complete backup" in town.node.run(*command, "--verify", code=1)
    back_up(town)

    for number, point in enumerate(BACKUP_POINTS, 1):
        put_long(town, f"title-{number}")
        town.node.run(*command, point=point)
        is_complete = point in BACKUP_POINTS[-2:]
        assert town.node.json(*command, "--verify")["leaves"] == number + is_complete, point
        back_up(town)
        assert town.node.json(*command, "--verify")["leaves"] == number + 1
        assert len(list((town.folder / "backup-node").glob("state-*"))) == 1


def test_restore_that_is_killed_serves_nothing_and_is_run_again(town: Town) -> None:
    town.node.serve()
    put_long(town, "title-1")
    put_long(town, "title-2")
    backup = back_up(town)
    town.erase("title-2")
    town.node.kill()

    for number, point in enumerate(RESTORE_POINTS):
        restored = new_node(town, f"restored-{number}", KINDS[number % 2])
        restore(town, restored, backup, point=point)
        for command in ("serve", "rebuild"):
            refused = restored.run("node", command, "--folder", str(restored.folder), code=1)
            assert "has not ended" in refused, point
        report = json.loads(restore(town, restored, backup))
        assert report["erased_again"] == 1, point
        verify_holds_one_of_two(town, restored)


def verify_holds_one_of_two(town: Town, node: NodeThatDies) -> None:
    """Title 1 can be opened, title 2 cannot, and of its bytes nothing is left."""
    assert node.json("node", "scrub", "--folder", str(node.folder)) == []
    oracle = Oracle(town, database_of(node))
    assert oracle.rows("SELECT count(*) FROM record_version WHERE wrapped IS NOT NULL")[0][0] == 1
    oracle.close()
    parts = node.folder / "objects" / "parts"
    assert len([path for path in parts.rglob("*") if path.is_file()]) == 1
