"""Roots of small tries, by hand; those of blocks that another implementation made are in
``tests/integration/test_lying_endpoint.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
from rlp import encode

from cityledger.chain.rpc.receipts_root import ordered_root, receipts_root
from cityledger.keccak import keccak

RECEIPT = {
    "type": "0x2",
    "status": "0x1",
    "cumulativeGasUsed": "0x5208",
    "logsBloom": "0x" + "00" * 256,
    "logs": [{"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x33"}],
}


def test_root_of_nothing_is_the_empty_tries() -> None:
    assert ordered_root([]).hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_root_of_one_is_its_leaf() -> None:
    value = b"\x77" * 40
    assert ordered_root([value]) == keccak(encode([b"\x20\x80", value]))


def test_root_of_two_is_a_branch() -> None:
    """The keys are 80 and 01: they part at once."""
    first, second = b"\x66" * 40, b"\x77" * 40
    branch: list[bytes] = [b""] * 17
    branch[8] = keccak(encode([b"\x30", first]))
    branch[0] = keccak(encode([b"\x31", second]))
    assert ordered_root([first, second]) == keccak(encode(branch))


def test_a_node_shorter_than_a_hash_is_inside_its_parent() -> None:
    branch: list[Any] = [b""] * 17
    branch[8], branch[0] = [b"\x30", b"a"], [b"\x31", b"b"]
    assert ordered_root([b"a", b"b"]) == keccak(encode(branch))


def test_every_value_and_its_place_count() -> None:
    values = [bytes([number]) * 40 for number in range(200)]
    root = ordered_root(values)
    assert ordered_root([*values[1:], values[0]]) != root
    assert ordered_root(values[:-1]) != root
    assert len({ordered_root(values[:count]) for count in range(201)}) == 201


def test_a_typed_receipt_begins_with_its_type() -> None:
    log = [b"\x11" * 20, [b"\x22" * 32], b"\x33"]
    encoded = encode([b"\x01", b"\x52\x08", bytes(256), [log]])
    assert receipts_root([RECEIPT]) == ordered_root([b"\x02" + encoded])
    assert receipts_root([{**RECEIPT, "type": "0x0"}]) == ordered_root([encoded])
    old = encode([b"\x44" * 32, b"\x52\x08", bytes(256), [log]])
    assert receipts_root(
        [{**RECEIPT, "status": None, "root": "0x" + "44" * 32, "type": None}]
    ) == ordered_root([old])


@pytest.mark.parametrize(
    "broken",
    [{}, {"logs": 1}, {**RECEIPT, "logs": [{}]}, {**RECEIPT, "status": "0xzz"}, {**RECEIPT, "logsBloom": 7}],
)
def test_what_is_no_receipt_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"receipt|hex|int"):
        receipts_root([broken])
