"""One test for each leaf of record_ledger.tree under moveHead, resetHead and headOf."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from cityledger.chain.abi.codec import encode_call
from cityledger.chain.contracts.record_ledger import (
    Batch,
    HeadMoved,
    HeadReset,
    Inclusion,
    record_leaf_to_abi,
)
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.proofs.merkle import Tree
from cityledger.types import (
    ZERO32,
    Address,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
)
from support.city.agency_logs import (
    AWAY,
    MISSING,
    NO_LOG,
    OTHER_INSTANCE,
    ROOT_HASH,
    anchor,
    leaf_hashes,
    leave,
    open_log,
    place,
    record_leaf,
)
from support.city.city_on_chain import City


@dataclass(frozen=True)
class Move:
    """An anchored leaf, ready to be moved to."""

    leaf: RecordLeaf
    inclusion: Inclusion

    @property
    def hash(self) -> LeafHash:
        return leaf_hash(self.leaf.struct_hash())

    def arguments(self, expected: bytes = ZERO32) -> tuple[object, ...]:
        return record_leaf_to_abi(self.leaf), self.inclusion.to_abi(), expected


def prepare(city: City, log: LogId, dataset: DatasetId, version: int = 1, **changed: Any) -> Move:
    """Anchors a leaf of that version among others, at the log's next number."""
    first = city.ledger.ask("logOf", log)["next"]
    leaf = replace(record_leaf(city, log, dataset), seq=first + 2, version=version, **changed)
    tree = Tree([*leaf_hashes(2), leaf_hash(leaf.struct_hash()), *leaf_hashes(3)])
    anchor(city, Batch(log, first, tree.size, tree.root))
    return Move(leaf, place(tree, first, 2))


def move_head(city: City, move: Move, expected: bytes = ZERO32) -> list[object]:
    return list(city.ledger.send(city.operator, "moveHead", *move.arguments(expected)))


def refusal_of_move(
    city: City, move: Move, expected: bytes = ZERO32, sender: Address | None = None
) -> tuple[str, dict[str, object]]:
    return city.ledger.refusal(sender or city.operator, "moveHead", *move.arguments(expected))


def not_anchored(leaf: RecordLeaf) -> tuple[str, dict[str, object]]:
    facts = {"log": leaf.log, "seq": leaf.seq, "leafHash": leaf_hash(leaf.struct_hash())}
    return "RecordLedgerNotAnchored", facts


def test_move_head_refuses_who_is_not_the_operator(city: City) -> None:
    log = open_log(city)
    move = prepare(city, log, city.publish())
    for caller in (city.steward, city.health_account, city.council, city.stranger):
        facts = {"log": log, "caller": caller}
        assert refusal_of_move(city, move, sender=caller) == ("RecordLedgerNotOperator", facts)


def test_move_head_refuses_a_missing_log(city: City) -> None:
    move = prepare(city, open_log(city), city.publish())
    elsewhere = replace(move, leaf=replace(move.leaf, log=MISSING))
    facts = {"log": MISSING, "caller": city.operator}
    assert refusal_of_move(city, elsewhere) == ("RecordLedgerNotOperator", facts)


def test_move_head_refuses_a_closed_log(city: City) -> None:
    log = open_log(city)
    move = prepare(city, log, city.publish())
    city.ledger.send(city.health_account, "closeLog", log)
    assert refusal_of_move(city, move) == ("RecordLedgerLogNotOpen", {"log": log})


def test_move_head_refuses_a_dataset_that_is_missing(city: City) -> None:
    nowhere = DatasetId(b"\xee" * 32)
    move = prepare(city, open_log(city), nowhere)
    facts = {"dataset": nowhere, "status": DatasetStatus.NONE}
    assert refusal_of_move(city, move) == ("RecordLedgerDatasetNotActive", facts)


def test_move_head_refuses_a_dataset_that_is_retired(city: City) -> None:
    dataset = city.publish()
    move = prepare(city, open_log(city), dataset)
    city.catalog.send(city.steward, "retire", dataset)
    facts = {"dataset": dataset, "status": DatasetStatus.RETIRED}
    assert refusal_of_move(city, move) == ("RecordLedgerDatasetNotActive", facts)


@pytest.mark.parametrize("status", AWAY)
def test_move_head_refuses_a_provider_that_is_not_active(city: City, status: AgencyStatus) -> None:
    move = prepare(city, open_log(city), city.publish())
    leave(city, status)
    facts = {"agency": city.health, "status": status}
    assert refusal_of_move(city, move) == ("RecordLedgerAgencyNotActive", facts)


def test_move_head_refuses_a_leaf_in_no_batch(city: City) -> None:
    leaf = record_leaf(city, open_log(city), city.publish())
    alone = Inclusion(0, 1, leaf_hash(leaf.struct_hash()), ())
    assert refusal_of_move(city, Move(leaf, alone)) == not_anchored(leaf)


@pytest.mark.parametrize(
    "changed", [{"path": ()}, {"count": 7}, {"count": 5}, {"first": 1}, {"root": ROOT_HASH}]
)
def test_move_head_refuses_another_inclusion(city: City, changed: dict[str, Any]) -> None:
    move = prepare(city, open_log(city), city.publish())
    false = replace(move, inclusion=replace(move.inclusion, **changed))
    assert refusal_of_move(city, false) == not_anchored(move.leaf)


@pytest.mark.parametrize(
    "changed",
    [
        {"instance": OTHER_INSTANCE},
        {"seq": 1},
        {"record": RecordId(b"\x0d" * 32)},
        {"version": 2},
        {"subjects": ()},
        {"schema": b"\4" * 32},
        {"parts": (PartLeaf("summary", b"\1" * 32, b"\2" * 32),)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_move_head_refuses_another_leaf(city: City, changed: dict[str, Any]) -> None:
    move = prepare(city, open_log(city), city.publish())
    false = replace(move, leaf=replace(move.leaf, **changed))
    assert refusal_of_move(city, false) == not_anchored(false.leaf)


def test_move_head_refuses_an_anchored_leaf_of_another_instance(city: City) -> None:
    move = prepare(city, open_log(city), city.publish(), instance=OTHER_INSTANCE)
    assert refusal_of_move(city, move) == not_anchored(move.leaf)


def test_move_head_refuses_a_leaf_in_another_agencys_log(city: City) -> None:
    city.ledger.send(city.police_account, "openLog", city.police, LogKind.RECORDS, city.operator, NO_LOG)
    move = prepare(city, LogId(city.ledger.ask("logCount")), city.publish())
    assert refusal_of_move(city, move) == not_anchored(move.leaf)


def test_move_head_refuses_a_leaf_in_a_log_of_receipts(city: City) -> None:
    move = prepare(city, open_log(city, LogKind.RECEIPTS), city.publish())
    assert refusal_of_move(city, move) == not_anchored(move.leaf)


def test_move_head_refuses_an_expected_head_where_there_is_none(city: City) -> None:
    move = prepare(city, open_log(city), city.publish())
    facts = {
        "dataset": move.leaf.dataset,
        "record": move.leaf.record,
        "expected": move.hash,
        "actual": ZERO32,
    }
    assert refusal_of_move(city, move, expected=move.hash) == ("RecordLedgerHeadMoved", facts)


@pytest.mark.parametrize("expected", [ZERO32, ROOT_HASH])
def test_move_head_refuses_another_head_than_expected(city: City, expected: bytes) -> None:
    log, dataset = open_log(city), city.publish()
    first, second = prepare(city, log, dataset), prepare(city, log, dataset, 2)
    move_head(city, first)
    facts = {"dataset": dataset, "record": first.leaf.record, "expected": expected, "actual": first.hash}
    assert refusal_of_move(city, second, expected) == ("RecordLedgerHeadMoved", facts)


@pytest.mark.parametrize("version", [1, 2])
def test_move_head_refuses_to_go_back(city: City, version: int) -> None:
    log, dataset = open_log(city), city.publish()
    head, other = prepare(city, log, dataset, 2), prepare(city, log, dataset, version, schema=b"\4" * 32)
    move_head(city, head)
    facts = {"dataset": dataset, "record": head.leaf.record, "version": version, "headVersion": 2}
    assert refusal_of_move(city, other, head.hash) == ("RecordLedgerHeadNotForward", facts)
    assert head_of(city, head) == {"leafHash": head.hash, "version": 2}


def head_of(city: City, move: Move) -> object:
    return city.ledger.ask("headOf", move.leaf.dataset, move.leaf.record)


def test_move_head_stores_the_first_head(city: City) -> None:
    move = prepare(city, open_log(city), city.publish())
    moved = HeadMoved(move.leaf.dataset, move.leaf.record, move.hash, LeafHash(ZERO32), 1)
    assert move_head(city, move) == [moved]
    assert head_of(city, move) == {"leafHash": move.hash, "version": 1}


def test_move_head_moves_over_versions_that_never_were_the_head(city: City) -> None:
    log, dataset = open_log(city), city.publish()
    first, later = prepare(city, log, dataset), prepare(city, log, dataset, 7)
    move_head(city, first)
    assert move_head(city, later, first.hash) == [
        HeadMoved(dataset, first.leaf.record, later.hash, first.hash, 7)
    ]
    assert head_of(city, first) == {"leafHash": later.hash, "version": 7}


def test_move_head_moves_to_a_leaf_of_another_log_of_the_provider(city: City) -> None:
    dataset = city.publish()
    first, second = prepare(city, open_log(city), dataset), prepare(city, open_log(city), dataset, 2)
    move_head(city, first)
    move_head(city, second, first.hash)
    assert head_of(city, first) == {"leafHash": second.hash, "version": 2}


def test_move_head_leaves_other_records_alone(city: City) -> None:
    log, dataset, elsewhere = open_log(city), city.publish(), city.publish("health/visits/other")
    first = prepare(city, log, dataset)
    neighbour = prepare(city, log, dataset, record=RecordId(b"\x0d" * 32))
    namesake = prepare(city, log, elsewhere)
    for move in (first, neighbour, namesake):
        move_head(city, move)
    move_head(city, prepare(city, log, dataset, 2), first.hash)
    assert head_of(city, neighbour) == {"leafHash": neighbour.hash, "version": 1}
    assert head_of(city, namesake) == {"leafHash": namesake.hash, "version": 1}


@pytest.mark.parametrize("winner", [0, 1])
def test_move_head_accepts_one_of_two_operators(city: City, winner: int) -> None:
    """Both sent before either is mined, in one block, in both orders."""
    dataset, one, other = city.publish(), open_log(city), open_log(city)
    first = prepare(city, one, dataset)
    move_head(city, first)
    racers = [prepare(city, one, dataset, 2), prepare(city, other, dataset, 2, schema=b"\4" * 32)]
    city.ledger.send(city.health_account, "setOperator", other, city.stranger)
    operators = [city.operator, city.stranger]
    order = [winner, 1 - winner]

    receipts = city.chain.in_one_block(
        [(operators[i], city.ledger.address, move_data(racers[i], first.hash)) for i in order]
    )

    assert [receipt["status"] for receipt in receipts] == ["0x1", "0x0"]
    won, lost = (racers[i] for i in order)
    assert head_of(city, first) == {"leafHash": won.hash, "version": 2}
    facts = {"dataset": dataset, "record": first.leaf.record, "expected": first.hash, "actual": won.hash}
    refusal = refusal_of_move(city, lost, first.hash, sender=operators[order[1]])
    assert refusal == ("RecordLedgerHeadMoved", facts)


def move_data(move: Move, expected: bytes) -> bytes:
    return encode_call("RecordLedger", "moveHead", move.arguments(expected))


def reset(city: City, move: Move, expected: bytes | None = None) -> list[object]:
    arguments = move.leaf.dataset, move.leaf.record, move.hash if expected is None else expected
    return list(city.ledger.send(city.steward, "resetHead", *arguments))


def refusal_of_reset(
    city: City, move: Move, expected: bytes | None = None, sender: Address | None = None
) -> tuple[str, dict[str, object]]:
    arguments = move.leaf.dataset, move.leaf.record, move.hash if expected is None else expected
    return city.ledger.refusal(sender or city.steward, "resetHead", *arguments)


def with_head(city: City, version: int = 1) -> Move:
    move = prepare(city, open_log(city), city.publish(), version)
    move_head(city, move)
    return move


def test_reset_head_refuses_who_is_no_steward_of_the_provider(city: City) -> None:
    head = with_head(city)
    for sender in (city.stranger, city.operator, city.health_account, city.police_steward):
        refused = ("RecordLedgerNotSteward", {"provider": city.health, "caller": sender})
        assert refusal_of_reset(city, head, sender=sender) == refused
    city.registry.send(city.health_account, "dismiss", city.health, city.steward)
    assert refusal_of_reset(city, head)[0] == "RecordLedgerNotSteward"


def test_reset_head_refuses_a_dataset_that_is_missing_or_retired(city: City) -> None:
    head = with_head(city)
    missing = replace(head, leaf=replace(head.leaf, dataset=DatasetId(b"\xee" * 32)))
    assert refusal_of_reset(city, missing) == (
        "RecordLedgerNotSteward",
        {"provider": 0, "caller": city.steward},
    )
    city.catalog.send(city.steward, "retire", head.leaf.dataset)
    facts = {"dataset": head.leaf.dataset, "status": DatasetStatus.RETIRED}
    assert refusal_of_reset(city, head) == ("RecordLedgerDatasetNotActive", facts)


def test_reset_head_refuses_a_provider_that_is_suspended(city: City) -> None:
    head = with_head(city)
    city.registry.send(city.guard, "suspend", city.health)
    facts = {"agency": city.health, "status": AgencyStatus.SUSPENDED}
    assert refusal_of_reset(city, head) == ("RecordLedgerAgencyNotActive", facts)


@pytest.mark.parametrize("expected", [ZERO32, ROOT_HASH])
def test_reset_head_refuses_another_head_than_expected(city: City, expected: bytes) -> None:
    head = with_head(city)
    facts = {
        "dataset": head.leaf.dataset,
        "record": head.leaf.record,
        "expected": expected,
        "actual": head.hash,
    }
    assert refusal_of_reset(city, head, expected) == ("RecordLedgerHeadMoved", facts)


def test_reset_head_refuses_where_there_is_no_head(city: City) -> None:
    move = prepare(city, open_log(city), city.publish())
    facts = {"dataset": move.leaf.dataset, "record": move.leaf.record}
    assert refusal_of_reset(city, move, ZERO32) == ("RecordLedgerNoHead", facts)


def test_reset_head_leaves_the_record_without_a_head(city: City) -> None:
    head = with_head(city, 2**32 - 1)
    assert reset(city, head) == [HeadReset(head.leaf.dataset, head.leaf.record, head.hash, 2**32 - 1)]
    assert head_of(city, head) == {"leafHash": ZERO32, "version": 0}
    older = prepare(city, head.leaf.log, head.leaf.dataset, 2)
    assert move_head(city, older) == [
        HeadMoved(older.leaf.dataset, older.leaf.record, older.hash, LeafHash(ZERO32), 2)
    ]


def test_reset_head_leaves_other_records_alone(city: City) -> None:
    head = with_head(city)
    neighbour = prepare(city, head.leaf.log, head.leaf.dataset, record=RecordId(b"\x0d" * 32))
    move_head(city, neighbour)
    reset(city, head)
    assert head_of(city, neighbour) == {"leafHash": neighbour.hash, "version": 1}


def test_head_of_is_zero_where_there_is_no_head(city: City) -> None:
    move = prepare(city, open_log(city), city.publish())
    assert head_of(city, move) == {"leafHash": ZERO32, "version": 0}
