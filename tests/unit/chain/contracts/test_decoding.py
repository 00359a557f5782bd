from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import canonical_type, signature
from cityledger.chain.contracts import decoding as events
from cityledger.chain.contracts.decoding import (
    READERS,
    BatchAnchored,
    DatasetPublished,
    OfficerAppointed,
    PurposeSet,
    Skipped,
    TermsSet,
    decode_logs,
)
from cityledger.chain.follower import Follower, Header
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.structs import Appointment, SkipReason
from cityledger.errors import ChainError
from cityledger.types import Address, BlockRef, Role, purpose_from_name
from support.chain.fake_chain import CHAIN_ID, FakeChain, block_hash
from support.chain.manifests import manifest

CONTRACT = "0x" + "11" * 20
EVENTS = {
    f"{name}.{entry['name']}": entry for name in FOLLOWED_NAMES for entry in entries_of_kind(name, "event")
}


def raw_log(entry: dict[str, Any], values: dict[str, Any], block: int = 5, index: int = 0) -> dict[str, Any]:
    """The log as a node would tell it."""
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    topics = [keccak(text=signature(entry))]
    topics += [encode([parameter["type"]], [values[parameter["name"]]]) for parameter in indexed]
    types = [canonical_type(parameter) for parameter in plain]
    return {
        "address": CONTRACT,
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + encode(types, [values[parameter["name"]] for parameter in plain]).hex(),
        "blockNumber": hex(block),
        "blockHash": block_hash(block),
        "transactionHash": "0x" + "ab" * 32,
        "logIndex": hex(index),
    }


def sample(parameter: dict[str, Any]) -> Any:
    """Some value of the parameter's type that every enum knows."""
    kind = parameter["type"]
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return tuple(sample(member) for member in parameter["components"])
    by_type = {"address": CONTRACT, "string": "text", "bool": True}
    return by_type.get(kind, b"A".ljust(32, b"\0") if kind == "bytes32" else 1)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_decode_logs_reads_every_event_of_every_contract(name: str) -> None:
    entry = EVENTS[name]
    log = raw_log(entry, {parameter["name"]: sample(parameter) for parameter in entry["inputs"]})
    (logged,) = decode_logs([log])
    assert type(logged.event).__name__ == entry["name"]
    fields = dataclasses.fields(logged.event)
    assert len(fields) == len(entry["inputs"]), "a field of the event is not kept"


def test_readers_know_no_event_that_no_contract_has() -> None:
    assert set(READERS) == {entry["name"] for entry in EVENTS.values()}


def test_event_union_is_complete() -> None:
    assert {kind.__name__ for kind in typing.get_args(events.Event)} == set(READERS)


def test_events_of_one_name_have_one_signature() -> None:
    """Else a topic of one contract would be read by another's ABI."""
    kinds = {
        (entry["name"], signature(entry), tuple(parameter["indexed"] for parameter in entry["inputs"]))
        for entry in EVENTS.values()
    }
    assert len(kinds) == len(READERS)


def test_decode_logs_gives_python_types() -> None:
    officer = Address("0x" + "22" * 20)
    appointed = raw_log(
        EVENTS["AgencyRegistry.OfficerAppointed"],
        {"agency": 7, "account": officer, "appointment": (int(Role.STEWARD), 99, 2)},
    )
    assert decode_logs([appointed])[0].event == OfficerAppointed(
        agency=7,  # type: ignore[arg-type]
        account=officer,
        appointment=Appointment(Role.STEWARD, 99, 2),
    )
    listed = raw_log(
        EVENTS["DataCatalog.PurposeSet"], {"purpose": purpose_from_name("TREATMENT"), "isListed": True}
    )
    assert decode_logs([listed])[0].event == PurposeSet(purpose_from_name("TREATMENT"), True)
    skipped = raw_log(EVENTS["RecordLedger.Skipped"], {"log": 1, "first": 4, "next": 6, "reason": 4})
    assert decode_logs([skipped])[0].event == Skipped(1, 4, 6, SkipReason.WRONG_FIRST)  # type: ignore[arg-type]


def test_decode_logs_shows_an_empty_pending_slot_as_none() -> None:
    current, empty = (2, 0, False, False, []), (0, 0, False, False, [])
    log = raw_log(
        EVENTS["DataCatalog.TermsSet"],
        {"dataset": b"\x01" * 32, "current": current, "pending": empty, "pendingSince": 0},
    )
    event = decode_logs([log])[0].event
    assert isinstance(event, TermsSet)
    assert event.pending is None


def test_decode_logs_orders_by_block_and_log_index() -> None:
    entry = EVENTS["RecordLedger.BatchAnchored"]
    values = {"log": 1, "first": 0, "count": 1, "root": b"\x02" * 32}
    logs = [raw_log(entry, {**values, "first": 10 * b + i}, b, i) for b, i in ((9, 0), (2, 11), (2, 3))]
    decoded = decode_logs(logs)
    firsts = [logged.event.first for logged in decoded if isinstance(logged.event, BatchAnchored)]
    assert firsts == [23, 31, 90]
    assert decoded[0].block_hash.hex() == block_hash(2)[2:]


def test_decode_logs_raises_for_an_unknown_event() -> None:
    log = raw_log(EVENTS["RecordLedger.LogClosed"], {"log": 1})
    with pytest.raises(ChainError, match="unknown or removed event"):
        decode_logs([{**log, "topics": ["0x" + "00" * 32]}])
    with pytest.raises(ChainError, match="unknown or removed event"):
        decode_logs([{**log, "topics": []}])
    with pytest.raises(ChainError, match="unknown or removed event"):
        decode_logs([{**log, "removed": True}])


def test_decode_logs_raises_for_bytes_that_do_not_fit() -> None:
    log = raw_log(EVENTS["RecordLedger.OperatorSet"], {"log": 1, "operator": CONTRACT})
    with pytest.raises(ChainError, match="do not fit"):
        decode_logs([{**log, "data": "0x01"}])
    with pytest.raises(ChainError, match="topics"):
        decode_logs([{**log, "topics": log["topics"][:1]}])


def test_decode_logs_raises_for_an_enum_value_that_is_new() -> None:
    log = raw_log(EVENTS["RecordLedger.Skipped"], {"log": 1, "first": 4, "next": 6, "reason": 200})
    with pytest.raises(ChainError, match="does not read as this version knows it"):
        decode_logs([log])


def test_decode_logs_survives_a_title_that_is_not_utf8() -> None:
    """A steward must not be able to stop every node by one transaction."""
    entry = EVENTS["DataCatalog.DatasetPublished"]
    log = raw_log(entry, {parameter["name"]: sample(parameter) for parameter in entry["inputs"]})
    bad = log["data"].replace(b"text".hex(), b"\xff\xfext".hex())
    event = decode_logs([{**log, "data": bad}])[0].event
    assert isinstance(event, DatasetPublished)
    assert event.publication.title == "\ufffd\ufffdxt"


def test_follower_reads_tip_and_parents() -> None:
    chain = FakeChain(height=10)
    follower = Follower(Endpoint(CHAIN_ID, [("fake", chain)]), manifest())
    tip = follower.tip()
    assert (tip.head.number, tip.final) == (10, 8)
    reference, parent = follower.block(7)
    assert (reference.hash.hex(), parent.hex()) == (block_hash(7)[2:], block_hash(6)[2:])
    assert [header.block.number for header in follower.headers(3, 5, tip.head)] == [3, 4, 5]


def test_follower_refuses_a_block_that_is_not_there() -> None:
    follower = Follower(Endpoint(CHAIN_ID, [("fake", FakeChain(height=10))]), manifest())
    with pytest.raises(ChainError, match="no block 11"):
        follower.block(11)
    unknown = Header(BlockRef(10, b"\x01" * 32, 0), bytes(32), b"\xff" * 256, bytes(32))
    with pytest.raises(ChainError, match="unknown block"):
        follower.events([unknown])
