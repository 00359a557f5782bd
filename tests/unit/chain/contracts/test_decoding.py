from __future__ import annotations

import dataclasses
import typing

import pytest

from cityledger.chain.abi.codec import signature
from cityledger.chain.contracts import READERS, Event
from cityledger.chain.contracts.decoding import decode_logs
from cityledger.chain.contracts.record_ledger import BatchAnchored
from cityledger.errors import ChainError
from support.chain.fake_chain import block_hash
from support.chain.raw_logs import CONTRACT, EVENTS, raw_log, sample


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
    assert {kind.__name__ for kind in typing.get_args(Event)} == set(READERS)


def test_events_of_one_name_have_one_signature() -> None:
    """Else a topic of one contract would be read by another's ABI."""
    kinds = {
        (entry["name"], signature(entry), tuple(parameter["indexed"] for parameter in entry["inputs"]))
        for entry in EVENTS.values()
    }
    assert len(kinds) == len(READERS)


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
