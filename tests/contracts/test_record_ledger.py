"""One test for each leaf of record_ledger.tree but those of heads, which are in ``test_record_heads.py``."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.chain.contracts.record_ledger import (
    Batch,
    BatchAnchored,
    Inclusion,
    LogClosed,
    LogOpened,
    OperatorSet,
    Skipped,
    SkipReason,
)
from cityledger.proofs.leaves import ReceiptLeaf, RecordLeaf, Tombstone, leaf_hash
from cityledger.proofs.merkle import Tree
from cityledger.types import (
    ZERO32,
    ZERO_ADDRESS,
    AgencyId,
    AgencyStatus,
    DatasetId,
    ErasureReason,
    LeafHash,
    LogId,
    LogKind,
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


def tombstone(city: City, log: LogId) -> Tombstone:
    return Tombstone(city.instance, log, 0, LeafHash(b"\6" * 32), ErasureReason.LAW, 1000, 2000)


def receipt_leaf(city: City, log: LogId) -> ReceiptLeaf:
    return ReceiptLeaf(city.instance, log, 0, b"\7" * 32, LeafHash(ZERO32), 1, LeafHash(ZERO32))


def is_verified(city: City, function: str, leaf: RecordLeaf | Tombstone | ReceiptLeaf) -> bool:
    """Anchors the leaf alone in its log, and returns whether the ledger finds it there."""
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
