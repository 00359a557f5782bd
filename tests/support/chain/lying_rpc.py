"""One lie for each kind of answer that a node reads, for a ``FaultyRpc`` between it and a devnet.

::

    with faulty_rpc(devnet.rpc_url) as liar:
        liar.lies["eth_getCode"] = LIES["eth_getCode"]["no code"]
        endpoint = connect(f"{liar.url},{devnet.rpc_url},{devnet.rpc_url}", CHAIN_ID)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from cityledger.chain.rpc.block_hashes import header_hash
from support.chain.rpc_faults import Answer, Lie, Request

WORD = "0x" + "ab" * 32


def refuse(message: str, data: str | None = None) -> Lie:
    """A JSON-RPC error instead."""
    error = {"code": 3 if data is not None else -32005, "message": message, "data": data}
    return lambda _request, _answer: {"jsonrpc": "2.0", "error": error}


def say(result: Any) -> Lie:
    """Always this."""
    return lambda _request, answer: {**answer, "result": deepcopy(result)}


def change(make: Callable[[Any], Any]) -> Lie:
    """Another result made of the true one, which may be changed in place; none of none."""

    def lie(_request: Request, answer: Answer) -> Answer:
        true = deepcopy(answer.get("result"))
        return answer if true is None else {**answer, "result": make(true)}

    return lie


def add(number: int) -> Lie:
    return change(lambda quantity: hex(max(int(quantity, 16) + number, 0)))


def flip(data: str) -> str:
    """Its last bit."""
    return data if len(data) < 4 else data[:-1] + "0123456789abcdef"[int(data[-1], 16) ^ 1]


def _field(name: str, make: Callable[[Any], Any]) -> Lie:
    return change(lambda block: {**block, name: make(block[name])})


def _rehashed(name: str, make: Callable[[Any], Any]) -> Lie:
    """A header of another block: its hash is that of its fields."""

    def alter(block: dict[str, Any]) -> dict[str, Any]:
        altered = {**block, name: make(block[name])}
        return {**altered, "hash": header_hash(altered)}

    return change(alter)


def _at(tag: str, lie: Lie) -> Lie:
    """Only where the block is named so."""
    return lambda request, answer: lie(request, answer) if request["params"][0] == tag else answer


def _final_is(number: Callable[[Request], str]) -> Lie:
    return _at(
        "finalized",
        lambda request, answer: {**answer, "result": {**answer["result"], "number": number(request)}},
    )


def _without_logs(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "logs": [], "logsBloom": "0x" + "00" * 256} for one in receipts]


def _with_a_log_twice(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "logs": one["logs"] * 2} for one in receipts]


def _of_another_contract(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for log in (log for one in receipts for log in one["logs"]):
        log["address"] = flip(log["address"])
    return receipts


def _spelt_otherwise(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same bytes to a lenient parser, another text."""
    for log in (log for one in receipts for log in one["logs"]):
        log["address"] = f"{log['address'][:10]} {log['address'][10:].upper()}"
    return receipts


def _of_other_transactions(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "transactionHash": WORD} for one in receipts]


def _twice(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return logs + [{**log, "logIndex": hex(int(log["logIndex"], 16) + 50)} for log in logs]


_HEADERS = {
    "no bloom": _field("logsBloom", lambda _bloom: "0x" + "00" * 256),
    "full bloom": _field("logsBloom", lambda _bloom: "0x" + "ff" * 256),
    "later": _field("timestamp", lambda time: hex(int(time, 16) + 1_000)),
    "later, hashed": _rehashed("timestamp", lambda time: hex(int(time, 16) + 1)),
    "no bloom, hashed": _rehashed("logsBloom", lambda _bloom: "0x" + "00" * 256),
    "orphan": _field("parentHash", flip),
    "no receipts": _field("receiptsRoot", flip),
    "another fee": _field("baseFeePerGas", lambda _fee: hex(10**15)),
    "another hash": _field("hash", flip),
    "negative gas": _field("gasUsed", lambda _gas: "-0x1"),
    "another number": _field("number", lambda number: hex(int(number, 16) + 1)),
    "not there": say(None),
}
_NUMBERS = {"far too high": add(10**20), "one too high": add(1), "zero": say("0x0")}

LIES: Mapping[str, Mapping[str, Lie]] = {
    "eth_chainId": {"another": say("0x1")},
    "eth_blockNumber": _NUMBERS,
    "eth_getBlockByNumber": {
        **_HEADERS,
        "all is final": _final_is(lambda _request: hex(10**9)),
        "nothing is final": _final_is(lambda _request: "0x0"),
    },
    "eth_getBlockByHash": {
        **_HEADERS,
        "other transactions": change(
            lambda block: {**block, "transactions": [WORD] * len(block["transactions"])}
        ),
        "fewer transactions": change(lambda block: {**block, "transactions": []}),
    },
    "eth_getBlockReceipts": {
        "none": say([]),
        "not there": say(None),
        "no logs": change(_without_logs),
        "logs twice": change(_with_a_log_twice),
        "another contract": change(_of_another_contract),
        "another spelling": change(_spelt_otherwise),
        "other transactions": change(_of_other_transactions),
        "negative gas": change(lambda all_: [{**one, "cumulativeGasUsed": "-0x1"} for one in all_]),
        "all failed": change(lambda all_: [{**one, "status": "0x0"} for one in all_]),
    },
    "eth_getLogs": {
        "none": say([]),
        "all but one": change(lambda logs: logs[:-1]),
        "twice": change(_twice),
        "other data": change(lambda logs: [{**log, "data": flip(log["data"])} for log in logs]),
        "other transactions": change(lambda logs: [{**log, "transactionHash": WORD} for log in logs]),
    },
    "eth_call": {
        "one bit": change(flip),
        "zero": change(lambda data: "0x" + "00" * (len(data) // 2 - 1)),
        "empty": say("0x"),
        "reverted": refuse("execution reverted", "0x"),
    },
    "eth_getCode": {"no code": say("0x"), "one bit": change(flip)},
    "eth_getTransactionByHash": {
        "unknown": say(None),
        "other code": change(lambda one: {**one, "input": flip(one["input"])}),
        "another sender": change(lambda one: {**one, "from": "0x" + "66" * 20}),
    },
    "eth_getTransactionReceipt": {
        "not mined": say(None),
        "failed": change(lambda one: {**one, "status": "0x0"}),
        "another block": change(lambda one: {**one, "blockHash": WORD}),
        "no logs": change(lambda one: {**one, "logs": []}),
    },
    "eth_getTransactionCount": _NUMBERS,
    "eth_getBalance": _NUMBERS,
    "eth_gasPrice": _NUMBERS,
    "eth_maxPriorityFeePerGas": _NUMBERS,
    "eth_estimateGas": {**_NUMBERS, "reverted": refuse("execution reverted", "0x")},
    "eth_sendRawTransaction": {
        "accepted": lambda _request, answer: answer,
        "too low": refuse("nonce too low"),
        "underpriced": refuse("replacement transaction underpriced"),
        "no money": refuse("insufficient funds for gas * price + value"),
    },
}
"""By method and name; a test compares the methods with those that the package uses."""

OF_EVERY_METHOD: Mapping[str, Lie] = {
    "limit exceeded": refuse("limit exceeded"),
    "another type": say(True),
    "a list of nothing": say([None]),
    "no hex": say("0xzz"),
    "an object of lists": say({"hash": [], "number": {}, "transactions": 7}),
}
