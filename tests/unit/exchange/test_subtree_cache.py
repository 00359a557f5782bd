"""Proofs from kept cache are those of the whole tree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.errors import VerificationError
from cityledger.exchange.subtree_cache import SubtreeCache
from cityledger.proofs.merkle import Tree, verify_inclusion
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.tables import leaf
from cityledger.types import AgencyId, LogId, LogKind
from support.store.databases import fresh_database_url

LOG = LogId(1)
SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 1_000]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(fresh_database_url(tmp_path))
    generator = random.Random(4)
    with made.writing() as connection:
        logs.open_head(connection, LOG, AgencyId(1), LogKind.RECORDS)
        rows = [
            {"log": LOG, "seq": n, "hash": generator.randbytes(32), "numbered_at": 0} for n in range(1_100)
        ]
        connection.execute(leaf.insert(), rows)
    yield made
    made.close()


@pytest.mark.parametrize("count", SIZES)
def test_path_is_that_of_the_whole_tree(database: Database, count: int) -> None:
    cache, first = SubtreeCache(), 7
    with database.reading() as connection:
        hashes = logs.load_hashes(connection, LOG, first, count)
        whole = Tree(hashes)
        batch = Batch(LOG, first, count, whole.root, 0)
        for index in {0, count // 3, 255 % count, 256 % count, count - 1}:
            for _ in range(2):  # loaded, then cached
                path = cache.path(connection, batch, index)
                assert path == whole.inclusion_proof(index)
                verify_inclusion(hashes[index], index, count, path, batch.root)


def test_cached_tree_is_not_loaded_again(database: Database) -> None:
    statements: list[tuple[object, ...]] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *event: statements.append(tuple(event[3]))
    )
    cache = SubtreeCache(max_trees=1)
    with database.reading() as connection:
        one, other = _batch(connection, 0, 600), _batch(connection, 600, 500)
        counts = []
        for batch in (one, one, other, one):
            statements.clear()
            cache.path(connection, batch, 3)
            counts.append(len(statements))
    assert counts == [2, 1, 2, 2]


def test_changed_leaf_gives_no_proof(database: Database) -> None:
    cache = SubtreeCache()
    with database.reading() as connection:
        batch = _batch(connection, 0, 600)
        cache.path(connection, batch, 300)
    with database.writing() as connection:
        connection.execute(leaf.update().where(leaf.c.seq == 301).values(hash=bytes(32)))
    with database.reading() as connection, pytest.raises(VerificationError):
        cache.path(connection, batch, 300)


def _batch(connection: sa.Connection, first: int, count: int) -> Batch:
    return Batch(LOG, first, count, Tree(logs.load_hashes(connection, LOG, first, count)).root, 0)
