"""The reader over plain JSON-RPC, against a chain that is a table of answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode

from cityledger.client import RpcLedgerReader
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.keccak import keccak
from cityledger.proofs.ledger import LogInfo, QueriedBlock
from cityledger.types import ZERO32, Address, AgencyId, DatasetId, LogId, LogKind

LEDGER = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
CATALOG = "0x9D85ca56217D2bb651b00f15e694EB7E713637D4"
HEAD = "0x" + "ab" * 32
DATASET = DatasetId(b"\xd1" * 32)


def data(function: str, kinds: list[str], *arguments: object) -> str:
    return "0x" + (keccak(function.encode())[:4] + encode(kinds, arguments)).hex()


def encoded(kinds: list[str], *values: object) -> str:
    return "0x" + encode(kinds, values).hex()


OLD, NEW = Address("0x" + "11" * 20), Address("0x" + "22" * 20)


def event(name: str, block: int, index: int, kinds: list[str], *values: object) -> dict[str, Any]:
    topics = ["0x" + keccak(name.encode()).hex(), "0x" + LogId(3).to_bytes(32).hex()]
    place = {"blockNumber": hex(block), "logIndex": hex(index)}
    return {"topics": topics, "data": encoded(kinds, *values), **place}


LOG = ["uint32", "uint8", "bool", "uint48", "address"]
ANSWERS = {
    (LEDGER, data("instance()", [])): encoded(["bytes32"], b"\x11" * 32),
    (LEDGER, data("catalog()", [])): encoded(["address"], CATALOG),
    (LEDGER, data("batchAt(uint64,uint64)", ["uint64", "uint64"], 3, 40)): encoded(["bytes32"], b"\x22" * 32),
    (LEDGER, data("batchAt(uint64,uint64)", ["uint64", "uint64"], 3, 41)): encoded(["bytes32"], ZERO32),
    (LEDGER, data("logOf(uint64)", ["uint64"], 3)): encoded(LOG, 7, 1, False, 42, CATALOG),
    (LEDGER, data("logOf(uint64)", ["uint64"], 4)): encoded(LOG, 0, 0, False, 0, "0x" + "00" * 20),
    (CATALOG, data("standing(bytes32)", ["bytes32"], DATASET)): encoded(["uint32", "uint8"], 7, 1),
}


EVENTS = [
    event("LogOpened(uint64,uint32,uint8,address,uint64)", 10, 0, ["uint8", "address"], 2, OLD),
    event("OperatorSet(uint64,address)", 50, 3, ["address"], NEW),
    event("OperatorSet(uint64,address)", 50, 1, ["address"], OLD),
]
MAX_RANGE = 40


def logs_answer(place: dict[str, Any]) -> dict[str, object]:
    """Refuses long ranges, as public endpoints do."""
    first, last = int(place["fromBlock"], 16), int(place["toBlock"], 16)
    if last - first > MAX_RANGE:
        return {"id": 1, "error": {"code": -32005, "message": "range too large"}}
    names = place["topics"][0] if isinstance(place["topics"][0], list) else [place["topics"][0]]
    within = (one for one in EVENTS if first <= int(one["blockNumber"], 16) <= last)
    return {"id": 1, "result": [one for one in within if one["topics"][0] in names][::-1]}


def chain(request: httpx.Request) -> httpx.Response:
    query = json.loads(request.content)
    match query["method"]:
        case "eth_chainId":
            return httpx.Response(200, json={"id": 1, "result": "0x7a69"})
        case "eth_getBlockByNumber":
            number = 60 if query["params"][0] == "finalized" else 100
            return httpx.Response(200, json={"id": 1, "result": {"hash": HEAD, "number": hex(number)}})
        case "eth_getLogs":
            return httpx.Response(200, json=logs_answer(query["params"][0]))
    call, block = query["params"]
    assert block == {"blockHash": HEAD}
    return httpx.Response(200, json={"id": 1, "result": ANSWERS.get((call["to"], call["data"]), "0x")})


def reader(answer: Callable[[httpx.Request], httpx.Response] = chain) -> RpcLedgerReader:
    return RpcLedgerReader("http://chain.test/key", LEDGER, transport=httpx.MockTransport(answer))


def test_reader_asks_all_at_one_block() -> None:
    one = reader()
    assert (one.chain_id, one.ledger) == (31337, LEDGER)
    assert one.instance() == b"\x11" * 32
    assert one.batch_word(LogId(3), 40) == b"\x22" * 32
    assert one.batch_word(LogId(3), 41) == ZERO32
    assert one.log_info(LogId(3)) == LogInfo(AgencyId(7), LogKind.RECORDS, 42)
    assert one.log_info(LogId(4)) is None
    assert one.dataset_provider(DATASET) == 7


def test_reader_refuses_an_address_without_the_contract() -> None:
    with pytest.raises(ChainError, match=r"is not a contract with batchAt"):
        reader().batch_word(LogId(9), 9)


@pytest.mark.parametrize(
    "answer", [{"id": 1, "error": {"code": -32000, "message": "pruned"}}, [], {"id": 1}], ids=str
)
def test_reader_reports_what_the_endpoint_refused(answer: object) -> None:
    with pytest.raises(ChainError, match="refused eth_chainId"):
        _ = reader(lambda _request: httpx.Response(200, json=answer)).chain_id


def test_reader_does_not_tell_the_url() -> None:
    with pytest.raises(ChainUnavailableError) as failed:
        _ = reader(lambda _request: httpx.Response(502, text="Bad Gateway")).chain_id
    assert "key" not in str(failed.value)


@pytest.mark.parametrize(
    ("block", "operator"), [(9, None), (10, OLD), (49, OLD), (50, NEW), (100, NEW)], ids=str
)
def test_reader_finds_the_operator_at_a_block(block: int, operator: Address | None) -> None:
    """The last change of a block counts; long ranges are asked in parts."""
    assert reader().operator_at(LogId(3), block) == operator


def test_reader_finds_an_agencys_logs() -> None:
    assert reader().logs_of(AgencyId(7)) == (3,)


def test_reader_says_whether_its_block_is_final() -> None:
    assert reader().block == QueriedBlock(100, is_final=False)
    final = RpcLedgerReader("http://chain.test", LEDGER, final=True, transport=httpx.MockTransport(chain))
    assert final.block == QueriedBlock(60, is_final=True)


def test_reader_refuses_events_that_are_not_the_ledgers() -> None:
    def odd(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["method"] == "eth_getLogs":
            return httpx.Response(200, json={"id": 1, "result": [{**EVENTS[0], "data": "0x"}]})
        return chain(request)

    with pytest.raises(ChainError, match="not those of a ledger"):
        reader(odd).operator_at(LogId(3), 1)


def test_reader_notices_a_reorganisation_between_its_questions() -> None:
    methods: list[str] = []

    def turning(request: httpx.Request) -> httpx.Response:
        method = json.loads(request.content)["method"]
        methods.append(method)
        answer = chain(request)
        if method == "eth_getBlockByNumber" and "eth_getLogs" in methods:
            return httpx.Response(200, json={"id": 1, "result": {"hash": "0x" + "cd" * 32, "number": "0x64"}})
        return answer

    with pytest.raises(ChainError, match="reorganised"):
        reader(turning).operator_at(LogId(3), 1)
