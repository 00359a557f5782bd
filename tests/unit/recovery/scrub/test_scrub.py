"""One kind of damage a test: a scrub finds it, and finds nothing in a store that is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.keccak import keccak
from cityledger.recovery.scrub.findings import Finding
from cityledger.recovery.scrub.leaf import Grounds
from cityledger.recovery.scrub.scrub import KEY, Progress, Scrub
from cityledger.store import node_state
from cityledger.store import tables as t
from cityledger.store.anchoring import logs
from cityledger.store.index import versions as history
from cityledger.store.index.tables import idx_batch, idx_head, idx_log
from cityledger.store.schema import metadata
from cityledger.types import Address, AgencyId, HaltCause, LogId, LogKind
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    for name in ("visit-1", "visit-2", "visit-3"):
        made.put(made.health, name, TREATMENT_RECORD)
    made.put(made.land, "title-1", TITLE_RECORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cityledger.exchange.parts.storage.IN_ROW_BYTES", 16)
        made.put(made.health, "long", TREATMENT_RECORD)
    for _ in range(2):
        asking = made.headers("LAND", "reader", "TREATMENT")
        assert made.client.get(made.url(made.health, "visit-1"), headers=asking).status_code == 200
    url = made.url(made.health, "visit-2") + "?reason=duty"
    assert made.client.delete(url, headers=made.headers("HEALTH", "writer")).status_code == 200
    made.anchor_all()
    made.put(made.health, "visit-4", TREATMENT_RECORD)
    raw = b"\x02signed"
    made.execute(
        t.attempt.insert().values(
            account="0x1", nonce=0, replacement=0, raw=raw, tx_hash=keccak(raw), signed_at=1, at_block=1
        )
    )
    yield made
    made.close()


def _scrub(node: TestNode, paced: Callable[[int], None] = lambda _bytes: None) -> Scrub:
    services = node.context.services
    grounds = Grounds(
        INSTANCE, services.domain, services.keyring, services.objects, Address(services.operator.address)
    )
    return Scrub(services.database, services.journal, grounds, paced)


def _findings(node: TestNode) -> list[Finding]:
    return _scrub(node).run(restart=True).findings


def _flip(node: TestNode, column: sa.Column[bytes], where: sa.ColumnElement[bool]) -> None:
    """Changes the last byte of one value, behind the back of every check of the database."""
    with node.context.services.database.writing() as connection:
        key = list(column.table.primary_key.columns)
        row = connection.execute(sa.select(column, *key).where(where).limit(1)).one()
        is_row = sa.and_(*(one == value for one, value in zip(key, row[1:], strict=True)))
        changed = bytes(row[0][:-1]) + bytes([row[0][-1] ^ 1])
        connection.execute(column.table.update().where(is_row).values({column.name: changed}))


def test_scrub_finds_nothing_in_a_whole_store(node: TestNode) -> None:
    ended = _scrub(node).run(restart=False)

    assert ended.findings == []
    assert ended.leaves == sum(node.row_counts()[name] for name in ("record_version", "tombstone", "receipt"))
    assert ended.bytes > 0


LIVE = t.record_version.c.wrapped.is_not(None)
BYTES = {
    "leaf.hash": (t.leaf.c.hash, t.leaf.c.log == 1),
    "batch.root": (t.batch.c.root, t.batch.c.log == 1),
    "record_version.wrapped": (t.record_version.c.wrapped, LIVE),
    "record_version.leaf_hash": (t.record_version.c.leaf_hash, LIVE),
    "record_version.schema": (t.record_version.c.schema, LIVE),
    "record_part.ciphertext": (t.record_part.c.ciphertext, t.record_part.c.ciphertext.is_not(None)),
    "record_part.digest": (t.record_part.c.digest, sa.true()),
    "record_part.commitment": (t.record_part.c.commitment, sa.true()),
    "record_subject.subject": (t.record_subject.c.subject, sa.true()),
    "tombstone.erased_leaf": (t.tombstone.c.erased_leaf, sa.true()),
    "receipt.digest": (t.receipt.c.digest, sa.true()),
    "receipt.previous": (t.receipt.c.previous, t.receipt.c.seq > 0),
    "receipt.prev_read_of_record": (t.receipt.c.prev_read_of_record, t.receipt.c.read_no > 1),
    "receipt.dataset": (t.receipt.c.dataset, sa.true()),
    "receipt.subject": (t.receipt.c.subject, sa.true()),
    "log_head.last_leaf": (t.log_head.c.last_leaf, t.log_head.c.log == 1),
    "attempt.raw": (t.attempt.c.raw, sa.true()),
    "idx_batch.root": (idx_batch.c.root, sa.true()),
}


@pytest.mark.parametrize("name", BYTES)
def test_scrub_finds_a_changed_byte(node: TestNode, name: str) -> None:
    column, where = BYTES[name]
    _flip(node, column, where)

    assert _findings(node) != []


VALUES: dict[str, sa.Executable] = {
    "a receipt's signature": t.receipt.update().values(signature=b"\x01" * 65),
    "a receipt's view": t.receipt.update().values(view="{}"),
    "whether a receipt permits": t.receipt.update().values(permit=sa.not_(t.receipt.c.permit)),
    "a receipt's read number": t.receipt.update().where(t.receipt.c.read_no == 1).values(read_no=7),
    "a tombstone's time": t.tombstone.update().values(erased_at=5),
    "an erased key that is back": t.record_version.update()
    .where(t.record_version.c.wrapped.is_(None))
    .values(wrapped=b"\x01" * 64),
    "a part's name": t.record_part.update().where(t.record_part.c.bit == 0).values(name="other"),
    "a part's length": t.record_part.update().where(t.record_part.c.bit == 0).values(sealed_bytes=5),
    "a record's subjects": t.record_subject.delete(),
    "a record that is declared as withdrawn": t.record_version.update().values(withdrawn=True),
    "the head's number": t.log_head.update().where(t.log_head.c.log == 1).values(next_seq=99),
    "the instance": t.node_state.update().where(t.node_state.c.key == "instance").values(value="00"),
    "a business identifier": t.record_identifier.update()
    .where(
        t.record_identifier.c.identifier
        == sa.select(t.record_identifier.c.identifier)
        .order_by(t.record_identifier.c.identifier)
        .limit(1)
        .scalar_subquery()
    )
    .values(identifier=b"\x05" * 32),
    "a business identifier that is gone": t.record_identifier.delete(),
    "when a version was written": t.record_version.update().values(written_at=5),
    "when a leaf was numbered": t.leaf.update().where(t.leaf.c.log == 1).values(numbered_at=5),
    "when a receipt was numbered": t.leaf.update().where(t.leaf.c.log == 2).values(numbered_at=5),
    "when a batch was closed": t.batch.update().values(closed_at=5),
    "the kind of a log": t.log_head.update().where(t.log_head.c.log == 1).values(kind=2),
    "the size of a batch": t.batch.update().where(t.batch.c.log == 1).values(size=1),
}


@pytest.mark.parametrize("name", VALUES)
def test_scrub_finds_a_changed_value(node: TestNode, name: str) -> None:
    node.execute(VALUES[name])
    assert _findings(node) != []


def test_scrub_compares_a_receipt_with_the_operator_at_its_block(node: TestNode) -> None:
    with node.next_block() as (connection, block):
        history.put(connection, idx_log, block, {"log": 2}, operator="0x" + "99" * 20)
    assert _findings(node) == []  # an operator that came later signed nothing older

    log, since = idx_log.update().where(idx_log.c.log == 2), idx_log.c.valid_from
    with node.context.services.database.reading() as connection:
        first = connection.execute(sa.select(sa.func.min(since)).where(idx_log.c.log == 2)).scalar_one()
    node.execute(log.where(since > first).values(operator="0x" + "99" * 20))
    node.execute(log.where(since == first).values(valid_to=first))  # an operator once, at no block
    assert any("not by the operator of its log at its block" in one.what for one in _findings(node))


def test_scrub_finds_a_leaf_that_is_gone(node: TestNode) -> None:
    with node.context.services.database.writing() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("PostgreSQL's foreign keys prevent the removal of the leaf")
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        place = (t.receipt.c.log == 2) & (t.receipt.c.seq == 0)
        connection.execute(t.receipt.delete().where(place))
        connection.execute(t.leaf.delete().where((t.leaf.c.log == 2) & (t.leaf.c.seq == 0)))

    found = _findings(node)
    assert (2, 1, "leaves from 0 on are missing before it") in [(one.log, one.seq, one.what) for one in found]


def test_scrub_finds_a_changed_byte_of_an_object(node: TestNode, tmp_path: Path) -> None:
    path = next((tmp_path).rglob("parts/*/*"))
    path.write_bytes((sealed := path.read_bytes())[:-1] + bytes([sealed[-1] ^ 1]))
    (finding,) = _findings(node)
    assert (finding.log, finding.seq) == (1, 3)
    assert "differ from those numbered" in finding.what


def test_scrub_finds_an_object_that_is_gone_but_none_that_was_erased(node: TestNode, tmp_path: Path) -> None:
    paths = list(tmp_path.rglob("parts/*/*"))
    for path in paths:
        path.unlink()
    found = _findings(node)
    assert len(found) == len(paths) > 0
    assert {one.what.partition(" of ")[0] for one in found} == {"the object"}

    url = node.url(node.health, "long") + "?reason=duty"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200
    assert _findings(node) == []


def test_scrub_finds_a_head_of_another_leaf(node: TestNode) -> None:
    v = t.record_version.c
    other = [
        v.dataset,
        v.record,
        v.version,
        sa.literal(b"\x0e" * 32),
        sa.literal(b"\x07" * 32),
        sa.literal(1),
    ]
    columns = ["dataset", "record", "version", "leaf_hash", "tx_hash", "valid_from"]
    first = (v.log == 1) & (v.seq == 0)
    node.execute(idx_head.insert().from_select(columns, sa.select(*other).where(first)))

    (finding,) = _findings(node)
    assert (finding.log, finding.seq) == (1, 0)
    assert "another leaf of this version as the current head" in finding.what


@pytest.mark.parametrize("cause", [HaltCause.CHAIN_AHEAD, HaltCause.OTHER_ROOT])
def test_scrub_tells_of_a_log_behind_the_chain_until_another_continues_it(
    node: TestNode, cause: HaltCause
) -> None:
    """As after a restore: what the chain holds beyond the backup is in no batch here."""
    node.execute(t.batch.delete().where(t.batch.c.log == 1))
    with node.context.services.database.writing() as connection:
        logs.halt(connection, LogId(1), cause, "restored")
    (finding,) = _findings(node)
    assert finding.what == f"the log is halted: {cause.value}"

    with node.context.services.database.writing() as connection:
        logs.open_head(connection, LogId(99), AgencyId(1), LogKind.RECORDS)
    assert _findings(node) == []


def test_scrub_finds_that_the_chain_holds_more_than_a_log(node: TestNode) -> None:
    node.execute(idx_log.update().where(idx_log.c.log == 1).values(next_seq=99))
    (finding,) = _findings(node)
    assert (finding.log, finding.what) == (1, "the chain holds leaves that this database lacks")


def test_scrub_that_is_cut_off_goes_on_with_what_it_found(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityledger.recovery.scrub.scrub.PAGE", 1)
    monkeypatch.setattr("cityledger.recovery.scrub.scrub.PAGES_A_SAVE", 1)
    _flip(node, t.leaf.c.hash, (t.leaf.c.log == 1) & (t.leaf.c.seq == 0))
    whole = _findings(node)
    seen: list[Progress] = []

    def cut(at: Progress) -> None:
        seen.append(at)
        if len(seen) == 4:
            raise UnavailableError("cut off")

    with pytest.raises(UnavailableError):
        _scrub(node).run(restart=True, on_progress=cut)
    ended = _scrub(node).run(restart=False)

    assert ended.findings == whole != []
    assert ended.leaves == node.row_counts()["leaf"]
    with node.context.services.database.reading() as connection:
        assert node_state.find_value(connection, KEY) is None


def test_scrub_tells_no_identity(node: TestNode) -> None:
    node.execute(VALUES["a part's name"])
    report = repr(_findings(node))
    with node.context.services.database.reading() as connection:
        for record in connection.execute(sa.select(t.record_version.c.record)).scalars():
            assert record.hex() not in report
    assert "visit" not in report


def test_scrub_changes_nothing_but_its_own_cursor(node: TestNode) -> None:
    def rows() -> dict[str, list[str]]:
        with node.context.services.database.reading() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(sa.select(table))))
                for table in metadata.sorted_tables
                if table.name != "commit_mark"  # each commit on PostgreSQL leaves one
            }

    before = rows()
    _findings(node)
    assert rows() == before
