"""What tests of recovery do to a town: back its node up, lose the machine, and restore it elsewhere."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cityledger.client.access_context import OWN_DUTY
from cityledger.client.answers import Written
from cityledger.client.ledger.reader import RpcLedgerReader
from cityledger.proofs.leaves import leaf_hash
from cityledger.types import Address
from crash.node_that_dies import NodeThatDies
from crash.town import Town, title
from crash.waiting import await_that
from support.store.databases import fresh_database_url

LONG_BYTES = 300_000
"""Of an attachment: longer than what a row takes, so that it becomes an object."""


def back_up(town: Town, node: NodeThatDies | None = None) -> Path:
    """The backup of the town's node; taken again, it is renewed."""
    made = node or town.node
    folder = town.folder / f"backup-{made.folder.name}"
    made.run("node", "backup", str(folder), "--folder", str(made.folder))
    return folder


def new_node(town: Town, name: str, kind: str) -> NodeThatDies:
    """The folder of a node that is to be restored, with nothing in it but the settings of the town's: they
    name another database of that kind, an object store of its own, and the rest as it was.
    """
    folder = town.folder / name
    folder.mkdir(mode=0o700)
    shutil.copy(town.node.folder / "cityledger.toml", folder)
    made = NodeThatDies(folder, town.node.nursery)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYLEDGER_TEST_DATABASE", kind)
        made.set(
            database_url=fresh_database_url(folder.parent), object_store_url=(folder / "objects").as_uri()
        )
    return made


def database_of(node: NodeThatDies) -> str:
    """The URL that its settings name."""
    settings = tomllib.loads((node.folder / "cityledger.toml").read_text())
    return str(settings["database_url"])


def restore(
    town: Town, node: NodeThatDies, backup: Path, *more: str, code: int = 0, point: str | None = None
) -> str:
    """With the tombstones and revocation lists of the town's object store; what the command printed."""
    objects = town.node.folder / "objects"
    folders = [path for path in (objects / "tombstones", objects / "revocations") if path.is_dir()]
    copies = [part for path in folders for part in (f"--{path.name}", str(path))]
    command = ["node", "restore", str(backup), "--folder", str(node.folder), *copies, *more]
    return node.run(*command, "--json", code=code, point=point)


def put_long(town: Town, record: str) -> Written:
    """A title with a part that is kept as an object; noted."""
    drawing = {"attachment": io.BytesIO(bytes(LONG_BYTES))}
    made = town.client().put_record(town.dataset, record, title(61.5), attachments=drawing)
    town.notes.written.append(made)
    return made


def verify_read_and_proven(town: Town, node: NodeThatDies, written: list[Written]) -> None:
    """Each version opens at the node, and its proof holds on the chain itself."""
    reading = town.client("reader", url=node.url)
    with closing(RpcLedgerReader(town.devnet.rpc_url, Address(town.ledger))) as chain:
        for one in written:
            read = reading.get_record(town.dataset, one.record, OWN_DUTY, version=one.version)
            assert json.loads(read.parts["title"])["uid"] == "110101-001-0007"
            proven = reading.proof(town.dataset, one.record, OWN_DUTY, version=one.version, reader=chain)
            assert leaf_hash(proven.proof.leaf.struct_hash()) == one.leaf_hash


@dataclass
class Writing:
    """Clients that write as fast as they are answered."""

    town: Town
    over: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)

    def await_more(self, count: int) -> None:
        wanted = len(self.town.notes.written) + count
        await_that(f"{count} more writes", lambda: self.failures or len(self.town.notes.written) >= wanted)

    def run(self, name: str) -> None:
        client, number = self.town.client(), 0
        try:
            while not self.over.is_set():
                number += 1
                made = client.put_record(self.town.dataset, f"{name}-{number // 2}", title(number))
                self.town.notes.written.append(made)
        except BaseException as error:
            self.failures.append(error)


@contextmanager
def writing(town: Town, clients: int = 2) -> Iterator[Writing]:
    made = Writing(town)
    threads = [threading.Thread(target=made.run, args=(f"load-{number}",)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join()
    assert not made.failures, made.failures


def damage(database: Path, statement: str) -> None:
    """Changes a SQLite database behind everybody's back."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
        connection.commit()
