"""Backup, restore, rebuild and the check of an export counted steps without a unit and without an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.chain.clock import ChainClock
from cityledger.cli import audit
from cityledger.cli.main import run
from cityledger.cli.node import rebuild
from cityledger.indexer.indexer import Indexer
from cityledger.recovery.backup.backup import Source, make_backup, verify_backup
from cityledger.recovery.backup.own_tables import RESTORED_TABLES
from cityledger.recovery.backup.verified_copy import verified_copy
from cityledger.recovery.index.rebuild import replace
from cityledger.recovery.restore.restore import restore_database, restore_objects
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import SCHEMA_VERSION
from cityledger.store.index.tables import block
from cityledger.store.objects import Objects
from support.chain.memory_chain import MemoryChain, MemoryFollower
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD
from support.store.databases import fresh_database_url
from support.store.receipt_files import RECEIPT, chained, export, proofs_of


class Reported:
    """What a bar was called with."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def __call__(self, unit: str, done: int, total: int | None, detail: str = "") -> None:
        self.steps.append((unit, done, total))

    def ends_of(self, unit: str) -> list[int]:
        """The totals of a unit, which is counted up to its last one."""
        steps = [(done, total) for named, done, total in self.steps if named == unit]
        done = [number for number, _ in steps]
        assert done == sorted(done)
        assert steps[-1][0] == steps[-1][1]
        return [total for _, total in steps if total is not None]


@pytest.fixture
def backup(node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    node.put(node.land, "title", TITLE_RECORD)
    monkeypatch.setattr("cityledger.exchange.parts.storage.IN_ROW_BYTES", 16)
    for name in ("a", "b"):
        node.put(node.health, name, TREATMENT_RECORD)
    return tmp_path / "backup"


def _make(node: TestNode, folder: Path) -> Reported:
    services, reported = node.context.services, Reported()
    domain, operator = services.domain, services.operator
    source = Source(services.database, services.objects, INSTANCE, domain, operator, SCHEMA_VERSION, dict)
    make_backup(folder, source, 1_000, reported)
    return reported


def test_a_backup_counts_rows_and_objects(node: TestNode, backup: Path) -> None:
    reported = _make(node, backup)

    assert len(set(reported.ends_of("rows"))) == 1
    assert reported.ends_of("rows")[0] >= sum(
        node.row_counts()[name] for name in ("leaf", "record_version", "record_part")
    )
    objects = len([path for path in (backup / "objects").rglob("*") if path.is_file()])
    assert set(reported.ends_of("objects")) == {objects}
    assert objects > 1


def test_a_verification_counts_the_bytes_that_it_reads(node: TestNode, backup: Path) -> None:
    _make(node, backup)
    reported = Reported()

    manifest = verify_backup(backup, reported)

    files = [*(backup / manifest.state).rglob("*"), *(backup / "objects").rglob("*")]
    assert set(reported.ends_of("bytes")) == {sum(path.stat().st_size for path in files if path.is_file())}


def test_a_restore_counts_objects_and_rows(node: TestNode, backup: Path, tmp_path: Path) -> None:
    _make(node, backup)
    reported, manifest = Reported(), verify_backup(backup)
    objects = Objects.open((tmp_path / "objects").as_uri())

    with (
        closing(Database(f"sqlite:///{tmp_path}/restored.db")) as database,
        verified_copy(backup, manifest, tmp_path / "copy", reported) as verified,
    ):
        restore_objects(verified, objects, reported)
        restore_database(verified, database, objects, (), lambda _log: None, 2_000, reported)
        with database.reading() as connection:
            counts = [sa.select(sa.func.count()).select_from(table) for table in RESTORED_TABLES]
            rows = sum(connection.execute(query).scalar_one() for query in counts)

    assert reported.ends_of("bytes")
    assert set(reported.ends_of("objects")) == {manifest.objects}
    assert set(reported.ends_of("rows")) == {rows - 1}  # one more says which backup it was


def _indexed(chain: MemoryChain, database: Database, journal: Journal) -> Indexer:
    clock = ChainClock(wall=lambda: 0.0, monotonic=lambda: 0.0)
    return Indexer(MemoryFollower(chain), database, journal, clock, first_block=3)  # type: ignore[arg-type]


def test_a_rebuild_counts_blocks_and_rows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported, chain = Reported(), MemoryChain()
    for _ in range(40):
        chain.mine()

    @contextmanager
    def progress(_title: str) -> Iterator[Reported]:
        yield reported

    monkeypatch.setattr(rebuild, "progress", progress)
    monkeypatch.setattr("cityledger.indexer.reading.FIRST_WIDTH", 8)
    with closing(Journal(database)) as journal:
        indexer = _indexed(chain, database, journal)
        rebuild._catch_up(database, indexer, MemoryFollower(chain), 3)  # type: ignore[arg-type]
    assert set(reported.ends_of("blocks")) == {37}

    (tmp_path / "live").mkdir()
    live = Database(fresh_database_url(tmp_path / "live"))
    with closing(live), database.reading() as scratch, live.writing() as writing:
        replace(writing, scratch, reported)
        stored = scratch.execute(sa.select(sa.func.count()).select_from(block)).scalar_one()
    assert set(reported.ends_of("rows")) == {stored}


def test_the_check_of_an_export_counts_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reported = Reported()

    @contextmanager
    def progress(_title: str) -> Iterator[Reported]:
        yield reported

    monkeypatch.setattr(audit, "progress", progress)
    receipts = chained([RECEIPT, RECEIPT])
    file = tmp_path / "reads.ndjson"
    file.write_bytes(b"".join(export(receipts, proofs_of(receipts))))

    assert run(["audit", "verify", str(file)]) == 0

    assert set(reported.ends_of("bytes")) == {file.stat().st_size}
    assert len(reported.steps) == 3
