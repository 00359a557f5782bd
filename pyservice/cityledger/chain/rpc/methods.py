"""The rules by which the answers to each JSON-RPC method are accepted when several endpoints are configured
(SPEC.md §4, "Endpoints"), and the form that an answer must have. Pure.

A method that is missing here, such as those of development nodes, is sent to one endpoint and never
repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Belief(Enum):
    ONE = "one"
    """Each endpoint answers for itself."""
    PROVEN = "proven"
    """One endpoint's answer, checked against a hash that a majority backs."""
    MAJORITY = "majority"
    """The answer that a majority gives."""
    MEDIAN = "median"
    """The median of the numbers that a majority gives: honest ones differ by a block, or in their advice."""
    EVERY = "every"
    """Sent to every endpoint, so that one alone cannot keep a transaction from the chain."""


_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")

Key = Callable[[Any], Hashable]
"""The part of a result that is compared: two endpoints agree when the keys are equal. Raises AttributeError,
KeyError, TypeError or ValueError for a result that is not as JSON-RPC says.
"""


@dataclass(frozen=True, slots=True)
class Method:
    belief: Belief
    key: Key


def find_method(name: str) -> Method:
    """The entry of the table, or that of methods which are not in it."""
    return METHODS.get(name, _OTHER)


def header_key(block: Any) -> Hashable:
    """All of a header that a node acts on, and the block's transactions."""
    names = ("hash", "parentHash", "logsBloom", "receiptsRoot")
    return (
        _quantity(block["number"]),
        _quantity(block["timestamp"]),
        *(_data(block[name]) for name in names),
        _optional(block.get("baseFeePerGas"), _quantity),
        tuple(_data(one if isinstance(one, str) else one["hash"]) for one in block["transactions"]),
    )


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise TypeError("no quantity")
    return int(value, 16)


def _data(value: Any) -> bytes:
    # Not fromhex alone, which accepts white space: the text may go into a log line.
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise TypeError("no data")
    return bytes.fromhex(value[2:])


def _optional(value: Any, key: Key) -> Hashable:
    return None if value is None else key(value)


def _list(value: Any, key: Key) -> Hashable:
    if not isinstance(value, list):
        raise TypeError("no list")
    return tuple(key(one) for one in value)


def _log(log: Any) -> Hashable:
    names = ("address", "data", "blockHash", "transactionHash")
    numbers = (_quantity(log["blockNumber"]), _quantity(log["logIndex"]))
    return (*(_data(log[name]) for name in names), *numbers, _list(log["topics"], _data))


def _receipt(receipt: Any) -> Hashable:
    return (
        _data(receipt["transactionHash"]),
        _data(receipt["blockHash"]),
        _quantity(receipt["blockNumber"]),
        _quantity(receipt["status"]),
        _quantity(receipt["gasUsed"]),
        _optional(receipt.get("contractAddress"), _data),
        _list(receipt["logs"], _log),
    )


def _transaction(transaction: Any) -> Hashable:
    return (
        _data(transaction["hash"]),
        _data(transaction["from"]),
        _optional(transaction.get("to"), _data),
        _data(transaction["input"]),
        _quantity(transaction["nonce"]),
        _optional(transaction.get("blockHash"), _data),
    )


def _listed_receipt(receipt: Any) -> Hashable:
    """Checks the form only; the content is proven by the block's receipts root."""
    return (_data(receipt["transactionHash"]), _list(receipt["logs"], lambda log: log["address"].lower()))


METHODS: Mapping[str, Method] = {
    "eth_chainId": Method(Belief.ONE, _quantity),
    "eth_blockNumber": Method(Belief.MEDIAN, _quantity),
    "eth_getBlockByNumber": Method(Belief.MAJORITY, lambda block: _optional(block, header_key)),
    "eth_getBlockByHash": Method(Belief.MAJORITY, lambda block: _optional(block, header_key)),
    "eth_getBlockReceipts": Method(
        Belief.PROVEN, lambda found: _optional(found, lambda all_: _list(all_, _listed_receipt))
    ),
    "eth_getLogs": Method(Belief.MAJORITY, lambda logs: _list(logs, _log)),
    "eth_call": Method(Belief.MAJORITY, _data),
    "eth_getCode": Method(Belief.MAJORITY, _data),
    "eth_getTransactionByHash": Method(Belief.MAJORITY, lambda found: _optional(found, _transaction)),
    "eth_getTransactionReceipt": Method(Belief.MAJORITY, lambda found: _optional(found, _receipt)),
    "eth_getTransactionCount": Method(Belief.MEDIAN, _quantity),
    "eth_getBalance": Method(Belief.MEDIAN, _quantity),
    "eth_gasPrice": Method(Belief.MEDIAN, _quantity),
    "eth_maxPriorityFeePerGas": Method(Belief.MEDIAN, _quantity),
    "eth_estimateGas": Method(Belief.MEDIAN, _quantity),
    "eth_sendRawTransaction": Method(Belief.EVERY, _data),
}
"""Every method that the package calls; a test compares this with the code."""
_OTHER = Method(Belief.ONE, lambda _result: None)
