"""One test for each leaf of record_ledger.tree."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.chain.abi.codec import encode_call
from cityledger.chain.contracts.record_ledger import (
    Batch,
    BatchAnchored,
    HeadMoved,
    HeadReset,
    Inclusion,
    LogClosed,
    LogOpened,
    OperatorSet,
    Skipped,
    SkipReason,
    record_leaf_to_abi,
)
from cityledger.proofs.leaves import PartLeaf, ReceiptLeaf, RecordLeaf, Tombstone, leaf_hash
from cityledger.proofs.merkle import Tree
from cityledger.types import (
    ZERO32,
    ZERO_ADDRESS,
    Address,
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    ErasureReason,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
    SubjectId,
)
from support.city.city_on_chain import City

NO_LOG = LogId(0)
MISSING = LogId(99)
ROOT_HASH = b"\5" * 32
OTHER_INSTANCE = b"\x11" * 32


def open_log(city: City, kind: LogKind = LogKind.RECORDS, predecessor: LogId = NO_LOG) -> LogId:
    """A log of HEALTH."""
    arguments = city.health, kind, city.operator, predecessor
    return city.ledger.send(city.health_account, "openLog", *arguments)[0].log  # type: ignore[union-attr]


def anchor(city: City, *batches: Batch, sender: Address | None = None) -> list[object]:
    items = [batch.to_abi() for batch in batches]
    return list(city.ledger.send(sender or city.operator, "anchor", items))


def leave(city: City, status: AgencyStatus) -> None:
    """Moves HEALTH away from Active."""
    if status == AgencyStatus.SUSPENDED:
        city.registry.send(city.guard, "suspend", city.health)
    else:
        city.registry.send(city.council, "offboard", city.health)


AWAY = [AgencyStatus.SUSPENDED, AgencyStatus.OFFBOARDED]

# ---- openLog ----


def test_open_log_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    for caller in (city.steward, city.council, city.police_account):
        refusal = city.ledger.refusal(caller, "openLog", city.health, LogKind.RECORDS, city.operator, NO_LOG)
        assert refusal == ("RecordLedgerNotAccount", {"agency": city.health, "caller": caller})


@pytest.mark.parametrize("status", AWAY)
def test_open_log_refuses_an_agency_that_is_not_active(city: City, status: AgencyStatus) -> None:
    leave(city, status)
    arguments = city.health, LogKind.RECORDS, city.operator, NO_LOG
    refusal = city.ledger.refusal(city.health_account, "openLog", *arguments)
    assert refusal == ("RecordLedgerAgencyNotActive", {"agency": city.health, "status": status})


def test_open_log_refuses_no_kind(city: City) -> None:
    refusal = city.ledger.refusal(city.health_account, "openLog", city.health, 0, city.operator, NO_LOG)
    assert refusal == ("RecordLedgerZeroKind", {})


def test_open_log_refuses_a_zero_operator(city: City) -> None:
    arguments = city.health, LogKind.RECORDS, ZERO_ADDRESS, NO_LOG
    assert city.ledger.refusal(city.health_account, "openLog", *arguments) == ("RecordLedgerZeroOperator", {})


def test_open_log_refuses_a_predecessor_that_does_not_fit(city: City) -> None:
    receipts = open_log(city, LogKind.RECEIPTS)
    city.ledger.send(city.police_account, "openLog", city.police, LogKind.RECORDS, city.operator, NO_LOG)
    polices = LogId(city.ledger.ask("logCount"))
    for predecessor in (receipts, polices, MISSING):
        arguments = city.health, LogKind.RECORDS, city.operator, predecessor
        refusal = city.ledger.refusal(city.health_account, "openLog", *arguments)
        facts = {"predecessor": predecessor, "agency": city.health, "kind": LogKind.RECORDS}
        assert refusal == ("RecordLedgerPredecessorMismatch", facts)


@pytest.mark.parametrize("kind", LogKind)
def test_open_log_opens_at_0(city: City, kind: LogKind) -> None:
    first = open_log(city, kind)

    events = city.ledger.send(city.health_account, "openLog", city.health, kind, city.operator, first)

    assert events == [LogOpened(LogId(first + 1), city.health, kind, city.operator, first)]
    assert city.ledger.ask("logCount") == first + 1
    assert city.ledger.ask("logOf", first + 1) == {
        "agency": city.health,
        "kind": kind,
        "closed": False,
        "next": 0,
        "operator": city.operator,
    }


# ---- closeLog ----


def test_close_log_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    log = open_log(city)
    for caller in (city.operator, city.council, city.police_account):
        refusal = city.ledger.refusal(caller, "closeLog", log)
        assert refusal == ("RecordLedgerNotAccount", {"agency": city.health, "caller": caller})


def test_close_log_refuses_a_missing_log(city: City) -> None:
    refusal = city.ledger.refusal(city.health_account, "closeLog", MISSING)
    assert refusal == ("RecordLedgerNotAccount", {"agency": 0, "caller": city.health_account})


def test_close_log_refuses_a_closed_log(city: City) -> None:
    log = open_log(city)
    city.ledger.send(city.health_account, "closeLog", log)
    refusal = city.ledger.refusal(city.health_account, "closeLog", log)
    assert refusal == ("RecordLedgerLogNotOpen", {"log": log})


@pytest.mark.parametrize("status", [AgencyStatus.ACTIVE, *AWAY])
def test_close_log_closes_it(city: City, status: AgencyStatus) -> None:
    log = open_log(city)
    if status in AWAY:
        leave(city, status)
    assert city.ledger.send(city.health_account, "closeLog", log) == [LogClosed(log)]
    assert city.ledger.ask("logOf", log)["closed"]


# ---- setOperator ----


def test_set_operator_refuses_a_caller_who_is_not_the_account(city: City) -> None:
    log = open_log(city)
    for caller in (city.operator, city.steward):
        refusal = city.ledger.refusal(caller, "setOperator", log, city.stranger)
        assert refusal == ("RecordLedgerNotAccount", {"agency": city.health, "caller": caller})


@pytest.mark.parametrize("status", AWAY)
def test_set_operator_refuses_an_agency_that_is_not_active(city: City, status: AgencyStatus) -> None:
    log = open_log(city)
    leave(city, status)
    refusal = city.ledger.refusal(city.health_account, "setOperator", log, city.stranger)
    assert refusal == ("RecordLedgerAgencyNotActive", {"agency": city.health, "status": status})


def test_set_operator_refuses_a_closed_log(city: City) -> None:
    log = open_log(city)
    city.ledger.send(city.health_account, "closeLog", log)
    refusal = city.ledger.refusal(city.health_account, "setOperator", log, city.stranger)
    assert refusal == ("RecordLedgerLogNotOpen", {"log": log})


def test_set_operator_refuses_zero(city: City) -> None:
    log = open_log(city)
    refusal = city.ledger.refusal(city.health_account, "setOperator", log, ZERO_ADDRESS)
    assert refusal == ("RecordLedgerZeroOperator", {})


def test_set_operator_hands_the_log_over(city: City) -> None:
    log = open_log(city)
    events = city.ledger.send(city.health_account, "setOperator", log, city.stranger)
    assert events == [OperatorSet(log, city.stranger)]
    batch = Batch(log, 0, 1, ROOT_HASH)
    assert anchor(city, batch) == [Skipped(log, 0, 0, SkipReason.NOT_OPERATOR)]
    assert anchor(city, batch, sender=city.stranger) == [BatchAnchored(log, 0, 1, ROOT_HASH)]


# ---- anchor ----


def test_anchor_refuses_no_batch(city: City) -> None:
    assert city.ledger.refusal(city.operator, "anchor", []) == ("RecordLedgerNoBatches", {})


def test_anchor_skips_an_unknown_log(city: City) -> None:
    batch = Batch(MISSING, 5, 0, ROOT_HASH)
    assert anchor(city, batch) == [Skipped(MISSING, 5, 0, SkipReason.UNKNOWN_LOG)]


def test_anchor_skips_a_closed_log(city: City) -> None:
    log = open_log(city)
    anchor(city, Batch(log, 0, 2, ROOT_HASH))
    city.ledger.send(city.health_account, "closeLog", log)
    assert anchor(city, Batch(log, 2, 1, ROOT_HASH)) == [Skipped(log, 2, 2, SkipReason.LOG_CLOSED)]


def test_anchor_skips_who_is_not_the_operator(city: City) -> None:
    log = open_log(city)
    events = anchor(city, Batch(log, 7, 0, ROOT_HASH), sender=city.health_account)
    assert events == [Skipped(log, 7, 0, SkipReason.NOT_OPERATOR)]


@pytest.mark.parametrize("first", [0, 1, 3, 2**64 - 1])
def test_anchor_skips_another_first(city: City, first: int) -> None:
    log = open_log(city)
    anchor(city, Batch(log, 0, 2, ROOT_HASH))
    events = anchor(city, Batch(log, first, 0, ROOT_HASH))
    assert events == [Skipped(log, first, 2, SkipReason.WRONG_FIRST)]


@pytest.mark.parametrize("count", [0, 65_537, 2**32 - 1])
def test_anchor_skips_a_count_out_of_range(city: City, count: int) -> None:
    log = open_log(city)
    events = anchor(city, Batch(log, 0, count, ROOT_HASH))
    assert events == [Skipped(log, 0, 0, SkipReason.COUNT_OUT_OF_RANGE)]
    assert city.ledger.ask("batchAt", log, 0) == ZERO32


@pytest.mark.parametrize("count", [1, 65_536])
def test_anchor_stores_one_word_and_moves_next(city: City, count: int) -> None:
    log = open_log(city)
    assert anchor(city, Batch(log, 0, count, ROOT_HASH)) == [BatchAnchored(log, 0, count, ROOT_HASH)]
    word = keccak(encode(["bytes32", "uint32"], [ROOT_HASH, count]))
    assert city.ledger.ask("batchAt", log, 0) == word
    assert city.ledger.ask("logOf", log)["next"] == count


def test_anchor_takes_two_batches_of_one_log(city: City) -> None:
    log = open_log(city)
    events = anchor(
        city, Batch(log, 0, 3, ROOT_HASH), Batch(log, 3, 1, ROOT_HASH), Batch(log, 3, 1, ROOT_HASH)
    )
    assert events == [
        BatchAnchored(log, 0, 3, ROOT_HASH),
        BatchAnchored(log, 3, 1, ROOT_HASH),
        Skipped(log, 3, 4, SkipReason.WRONG_FIRST),
    ]


def test_anchor_anchors_the_others_beside_one_that_is_skipped(city: City) -> None:
    one, other = open_log(city), open_log(city, LogKind.RECEIPTS)
    events = anchor(city, Batch(one, 9, 1, ROOT_HASH), Batch(other, 0, 1, ROOT_HASH))
    assert events == [Skipped(one, 9, 0, SkipReason.WRONG_FIRST), BatchAnchored(other, 0, 1, ROOT_HASH)]


@pytest.mark.parametrize("status", AWAY)
def test_anchor_takes_the_evidence_of_an_agency_that_is_not_active(city: City, status: AgencyStatus) -> None:
    log = open_log(city, LogKind.RECEIPTS)
    leave(city, status)
    assert anchor(city, Batch(log, 0, 1, ROOT_HASH)) == [BatchAnchored(log, 0, 1, ROOT_HASH)]


# ---- moveHead, headOf ----


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


# ---- resetHead ----


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


# ---- verify ----


def leaf_hashes(count: int) -> list[LeafHash]:
    return [LeafHash(keccak(b"\0" + keccak(text=str(i)))) for i in range(count)]


def place(tree: Tree, first: int, index: int) -> Inclusion:
    return Inclusion(first, tree.size, tree.root, tree.inclusion_proof(index))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.data())
def test_verify_accepts_the_true_place_and_no_other(city: City, count: int, data: st.DataObject) -> None:
    log = open_log(city)
    anchor(city, Batch(log, 0, 3, ROOT_HASH))
    leaves = leaf_hashes(count)
    tree = Tree(leaves)
    anchor(city, Batch(log, 3, count, tree.root))
    index = data.draw(st.integers(0, count - 1))
    true = place(tree, 3, index)

    def verify(seq: int, leaf: bytes, inclusion: Inclusion) -> bool:
        return bool(city.ledger.ask("verify", log, seq, leaf, inclusion.to_abi()))

    assert verify(3 + index, leaves[index], true)
    other = data.draw(st.integers(0, count + 3).filter(lambda number: number != 3 + index))
    assert not verify(other, leaves[index], true)
    assert not verify(3 + index, ROOT_HASH, true)
    assert not verify(3 + index, leaves[index], replace(true, path=(*true.path, ROOT_HASH)))
    assert not verify(3 + index, leaves[index], replace(true, path=true.path[:-1])) or count == 1
    assert not verify(3 + index, leaves[index], replace(true, count=count + 1))
    assert not verify(3 + index, leaves[index], replace(true, count=count - 1))
    assert not verify(3 + index, leaves[index], replace(true, root=ROOT_HASH))
    assert not verify(3 + index, leaves[index], replace(true, first=4))


def test_verify_does_not_take_a_node_for_a_leaf(city: City) -> None:
    log, leaves = open_log(city), leaf_hashes(4)
    tree = Tree(leaves)
    anchor(city, Batch(log, 0, 4, tree.root))
    node, sibling = Tree(leaves[:2]).root, Tree(leaves[2:]).root
    assert not city.ledger.ask("verify", log, 0, node, Inclusion(0, 4, tree.root, (sibling,)).to_abi())
    assert not city.ledger.ask("verify", log, 0, node, Inclusion(0, 2, tree.root, (sibling,)).to_abi())


# ---- verifyRecord, verifyTombstone, verifyReceipt ----


def record_leaf(city: City, log: LogId, dataset: DatasetId) -> RecordLeaf:
    return RecordLeaf(
        instance=city.instance,
        log=log,
        seq=0,
        dataset=dataset,
        record=RecordId(b"\x0a" * 32),
        version=1,
        subjects=(SubjectId(b"\x0b" * 32), SubjectId(b"\x0c" * 32)),
        schema=b"\3" * 32,
        parts=(PartLeaf("summary", b"\1" * 32, b"\2" * 32), PartLeaf("images", b"\3" * 32, b"\4" * 32)),
    )


def tombstone(city: City, log: LogId) -> Tombstone:
    return Tombstone(city.instance, log, 0, LeafHash(b"\6" * 32), ErasureReason.LAW, 1000, 2000)


def receipt_leaf(city: City, log: LogId) -> ReceiptLeaf:
    return ReceiptLeaf(city.instance, log, 0, b"\7" * 32, LeafHash(ZERO32), 1, LeafHash(ZERO32))


def is_verified(city: City, function: str, leaf: RecordLeaf | Tombstone | ReceiptLeaf) -> bool:
    """Anchors the leaf alone in its log, and asks whether it stands there."""
    hashed = leaf_hash(leaf.struct_hash())
    anchor(city, Batch(leaf.log, 0, 1, hashed))
    assert city.ledger.ask("batchAt", leaf.log, 0) != ZERO32
    inclusion = Inclusion(0, 1, hashed, ())
    return bool(city.ledger.ask(function, abi_of(leaf), inclusion.to_abi()))


def abi_of(leaf: RecordLeaf | Tombstone | ReceiptLeaf) -> tuple[object, ...]:
    values = {name: getattr(leaf, name) for name in leaf.__slots__}  # in the order of the struct
    if isinstance(leaf, RecordLeaf):
        parts = [(keccak(text=part.name), part.ciphertext_digest, part.commitment) for part in leaf.parts]
        values |= {"subjects": list(leaf.subjects), "parts": parts}
    return tuple(values.values())


def test_verify_record_accepts_the_providers_leaf(city: City) -> None:
    assert is_verified(city, "verifyRecord", record_leaf(city, open_log(city), city.publish()))


def test_verify_record_binds_the_instance(city: City) -> None:
    leaf = record_leaf(city, open_log(city), city.publish())
    assert not is_verified(city, "verifyRecord", replace(leaf, instance=OTHER_INSTANCE))


def test_verify_record_binds_the_provider(city: City) -> None:
    city.ledger.send(city.police_account, "openLog", city.police, LogKind.RECORDS, city.operator, NO_LOG)
    polices = LogId(city.ledger.ask("logCount"))
    assert not is_verified(city, "verifyRecord", record_leaf(city, polices, city.publish()))


def test_verify_record_binds_the_kind(city: City) -> None:
    log = open_log(city, LogKind.RECEIPTS)
    assert not is_verified(city, "verifyRecord", record_leaf(city, log, city.publish()))


def test_verify_record_needs_a_dataset(city: City) -> None:
    assert not is_verified(city, "verifyRecord", record_leaf(city, open_log(city), DatasetId(b"\xee" * 32)))


def test_verify_tombstone_accepts_one_in_a_record_log(city: City) -> None:
    assert is_verified(city, "verifyTombstone", tombstone(city, open_log(city)))


def test_verify_tombstone_binds_instance_and_kind(city: City) -> None:
    other_instance = replace(tombstone(city, open_log(city)), instance=OTHER_INSTANCE)
    assert not is_verified(city, "verifyTombstone", other_instance)
    assert not is_verified(city, "verifyTombstone", tombstone(city, open_log(city, LogKind.RECEIPTS)))


def test_verify_receipt_accepts_one_in_a_receipt_log(city: City) -> None:
    assert is_verified(city, "verifyReceipt", receipt_leaf(city, open_log(city, LogKind.RECEIPTS)))


def test_verify_receipt_binds_instance_and_kind(city: City) -> None:
    other_instance = replace(receipt_leaf(city, open_log(city, LogKind.RECEIPTS)), instance=OTHER_INSTANCE)
    assert not is_verified(city, "verifyReceipt", other_instance)
    assert not is_verified(city, "verifyReceipt", receipt_leaf(city, open_log(city)))


def test_a_log_packs_into_one_slot(city: City) -> None:
    assert AgencyId(city.ledger.ask("logOf", MISSING)["agency"]) == 0
    log = open_log(city)
    receipt = city.ledger.receipt(city.operator, "anchor", [Batch(log, 0, 1, ROOT_HASH).to_abi()])
    # Two fresh words would cost 22,100 more than one; the bound stands between both.
    assert int(receipt["gasUsed"], 16) < 85_000
