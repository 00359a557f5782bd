"""``make_private_directory("a/b/c")`` left a and a/b readable for all, and so was the database of a node in a
folder that had existed before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cityledger.devnet import Devnet
from cityledger.profiles import registry
from cityledger.profiles.samples import sample_of
from cityledger.sealing.private_files import make_private_directory, private_by_default, write_private_file
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.store.objects import Objects
from cityledger.types import SharingClass
from support.city.deployed_city import deploy_city, terms
from support.imports.import_fixture import ndjson
from support.node.node_process import Process

PUBLIC = {"manifest.json", "deployment.json"}
"""What is on the chain anyhow."""


@pytest.fixture(autouse=True)
def lax_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def readable_by_others(folder: Path) -> list[str]:
    """Everything below ``folder`` that its group or others may use in any way."""
    return sorted(
        str(one.relative_to(folder))
        for one in folder.rglob("*")
        if stat.S_IMODE(one.lstat().st_mode) & 0o077 and one.name not in PUBLIC
    )


def test_every_folder_that_is_made_is_private(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "a" / "b" / "c")
    assert readable_by_others(tmp_path) == []


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    make_private_directory(tmp_path / "a" / "b")
    make_private_directory(tmp_path / "a" / "b")
    assert readable_by_others(tmp_path) == ["a"]


def test_a_database_in_an_open_folder_is_private_with_its_wal(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'node.db'}")) as database:
        migrate(database)
        assert {"node.db", "node.db-wal", "node.db-shm"} <= {one.name for one in tmp_path.iterdir()}
        assert readable_by_others(tmp_path) == []


def test_an_object_store_that_is_made_is_private(tmp_path: Path) -> None:
    with private_by_default():
        Objects.open((tmp_path / "a" / "objects").as_uri()).put("x/y", [b"sealed"])
    assert readable_by_others(tmp_path) == []


def test_a_private_file_is_one_in_an_open_folder(tmp_path: Path) -> None:
    write_private_file(tmp_path / "key", b"key")
    assert readable_by_others(tmp_path) == []


PATH = "registration/real-estate/titles"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A linked node of LAND, in a folder that was there before and that all may read."""
    with Devnet.start(tmp_path / "devnet", block_time=1, ipc=True) as devnet:
        city = deploy_city(devnet, tmp_path / "manifest.json")
        land = city.admit("LAND", 3)
        city.appoint(land, 3, 4)
        parts = registry.get("property").part_names
        not_shared = terms(SharingClass.NOT_SHARED)
        city.publish(land, 4, path=PATH, profile="property", parts=parts, terms=not_shared)
        made = Process(tmp_path)
        (tmp_path / "node").mkdir(mode=0o755)
        on_chain = ["--rpc", devnet.rpc_url, "--manifest", str(city.manifest_path)]
        made.run(
            "node",
            "init",
            "node",
            "--agency",
            "LAND",
            "--devnet-operator",
            "5",
            "--write-credentials",
            *on_chain,
        )
        made.run("node", "link", "LAND", "--folder", "node", "--devnet-account", "3")
        yield made
        if made.served is not None:
            made.kill()


@pytest.mark.chain
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_of_a_node_is_for_others(process: Process) -> None:
    process.serve()
    process.environment["CITYLEDGER_CREDENTIALS"] = "node/credentials/LAND-writer.json"
    row = sample_of("property")
    scan = process.folder / "scan.pdf"
    scan.write_bytes(os.urandom(300_000))
    (process.folder / "rows.ndjson").write_bytes(ndjson([{"id": "a", "parts": row["parts"]}]))
    (process.folder / "title.json").write_bytes(ndjson([{"parts": row["parts"]}]))
    process.run("record", "import", f"LAND/{PATH}", "rows.ndjson", "--format", "ndjson")
    put = ["record", "put", f"LAND/{PATH}", "b", "title.json", "--attach", f"attachment={scan}"]
    process.run(*put)
    process.run("node", "backup", "backups/land", "--folder", "node")

    assert readable_by_others(process.folder / "node") == []
    assert readable_by_others(process.folder / "backups") == []
    assert stat.S_IMODE((process.folder / "backups").stat().st_mode) == 0o700
    assert list((process.folder / "node" / "objects").rglob("*"))
    process.stop()
