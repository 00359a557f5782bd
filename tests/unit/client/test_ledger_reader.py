"""The reader over plain JSON-RPC, against a chain that is a table of answers."""

import json
from collections.abc import Callable

import httpx
import pytest
from eth_abi.abi import encode

from cityledger.client import RpcLedgerReader
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.keccak import keccak
from cityledger.proofs.verify import LogInfo
from cityledger.types import ZERO32, Address, AgencyId, DatasetId, LogId, LogKind

LEDGER = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
CATALOG = "0x9D85ca56217D2bb651b00f15e694EB7E713637D4"
HEAD = "0x" + "ab" * 32
DATASET = DatasetId(b"\xd1" * 32)


def data(function: str, kinds: list[str], *arguments: object) -> str:
    return "0x" + (keccak(function.encode())[:4] + encode(kinds, arguments)).hex()


def told(kinds: list[str], *values: object) -> str:
    return "0x" + encode(kinds, values).hex()


LOG = ["uint32", "uint8", "bool", "uint48", "address"]
ANSWERS = {
    (LEDGER, data("instance()", [])): told(["bytes32"], b"\x11" * 32),
    (LEDGER, data("catalog()", [])): told(["address"], CATALOG),
    (LEDGER, data("batchAt(uint64,uint64)", ["uint64", "uint64"], 3, 40)): told(["bytes32"], b"\x22" * 32),
    (LEDGER, data("batchAt(uint64,uint64)", ["uint64", "uint64"], 3, 41)): told(["bytes32"], ZERO32),
    (LEDGER, data("logOf(uint64)", ["uint64"], 3)): told(LOG, 7, 1, False, 42, CATALOG),
    (LEDGER, data("logOf(uint64)", ["uint64"], 4)): told(LOG, 0, 0, False, 0, "0x" + "00" * 20),
    (CATALOG, data("standing(bytes32)", ["bytes32"], DATASET)): told(["uint32", "uint8"], 7, 1),
}


def chain(request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.content)
    match asked["method"]:
        case "eth_chainId":
            return httpx.Response(200, json={"id": 1, "result": "0x7a69"})
        case "eth_getBlockByNumber":
            return httpx.Response(200, json={"id": 1, "result": {"hash": HEAD}})
    call, block = asked["params"]
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
    assert one.log_info(LogId(3)) == LogInfo(AgencyId(7), LogKind.RECORDS)
    assert one.log_info(LogId(4)) is None
    assert one.dataset_provider(DATASET) == 7


def test_reader_refuses_an_address_without_the_contract() -> None:
    with pytest.raises(ChainError, match=r"no contract with batchAt"):
        reader().batch_word(LogId(9), 9)


@pytest.mark.parametrize(
    "answer", [{"id": 1, "error": {"code": -32000, "message": "pruned"}}, [], {"id": 1}], ids=str
)
def test_reader_tells_what_the_endpoint_refused(answer: object) -> None:
    with pytest.raises(ChainError, match="refused eth_chainId"):
        _ = reader(lambda _request: httpx.Response(200, json=answer)).chain_id


def test_reader_does_not_tell_the_url() -> None:
    with pytest.raises(ChainUnavailableError) as failed:
        _ = reader(lambda _request: httpx.Response(502, text="Bad Gateway")).chain_id
    assert "key" not in str(failed.value)
