"""Once, an operator could move a head to version 2^32 - 1, and no account could undo it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.chain.contracts.record_ledger import Batch, Inclusion, record_leaf_to_abi
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.types import ZERO32, DatasetId, LeafHash, LogId, LogKind, RecordId
from support.city.city_on_chain import Chain, City

LAST = 2**32 - 1


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    chain = Chain(tmp_path)
    yield City(chain)
    chain.stop()


def move_head(city: City, log: LogId, dataset: DatasetId, version: int, expected: bytes) -> LeafHash:
    """Anchors a leaf of that version alone, and moves the head to it."""
    seq = city.ledger.ask("logOf", log)["next"]
    part = PartLeaf("summary", b"\1" * 32, b"\2" * 32)
    leaf = RecordLeaf(
        city.instance, log, seq, dataset, RecordId(b"\x0a" * 32), version, (), b"\3" * 32, (part,)
    )
    hashed = leaf_hash(leaf.struct_hash())
    city.ledger.send(city.operator, "anchor", [Batch(log, seq, 1, hashed).to_abi()])
    inclusion = Inclusion(seq, 1, hashed, ()).to_abi()
    city.ledger.send(city.operator, "moveHead", record_leaf_to_abi(leaf), inclusion, expected)
    return hashed


def test_steward_removes_the_head_that_a_former_operator_moved(city: City) -> None:
    dataset = city.publish()
    opening = city.health, LogKind.RECORDS, city.operator, 0
    log = city.ledger.send(city.health_account, "openLog", *opening)[0].log  # type: ignore[union-attr]
    honest = move_head(city, log, dataset, 2, ZERO32)
    frozen = move_head(city, log, dataset, LAST, honest)
    city.ledger.send(city.steward, "resetHead", dataset, b"\x0a" * 32, frozen)
    head = move_head(city, log, dataset, 3, ZERO32)
    assert city.ledger.ask("headOf", dataset, b"\x0a" * 32) == {"leafHash": head, "version": 3}
