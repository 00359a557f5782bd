"""The proxy with faults does what it says; otherwise the tests that rely on it would prove nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from cityledger.devnet import Devnet
from support.chain.faulty_rpc import FaultyRpc, faulty_rpc
from support.chain.rpc_faults import Fault

pytestmark = pytest.mark.chain
Ask = Callable[..., Any]


@pytest.fixture
def rpc(devnet: Devnet) -> Iterator[FaultyRpc]:
    snapshot = devnet.connect().request("evm_snapshot")
    with faulty_rpc(devnet.rpc_url) as proxy:
        yield proxy
    devnet.connect().request("evm_revert", snapshot)


def ask(rpc: FaultyRpc, method: str, *params: Any) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return httpx.post(rpc.url, json=request, trust_env=False)


def test_without_a_fault_it_answers_as_the_devnet(rpc: FaultyRpc) -> None:
    assert ask(rpc, "eth_chainId").json()["result"] == "0x7a69"
    assert not rpc.counts


def test_drops_close_the_connection_before_or_after_the_chain_heard(rpc: FaultyRpc) -> None:
    before = int(rpc.ask("eth_blockNumber"), 16)
    rpc.once(Fault.DROP_BEFORE)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(rpc, "evm_mine")
    assert int(rpc.ask("eth_blockNumber"), 16) == before
    rpc.once(Fault.DROP_AFTER)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(rpc, "evm_mine")
    assert int(rpc.ask("eth_blockNumber"), 16) == before + 1
    assert rpc.counts == {Fault.DROP_BEFORE: 1, Fault.DROP_AFTER: 1}


def test_duplicate_forwards_twice(rpc: FaultyRpc) -> None:
    before = int(rpc.ask("eth_blockNumber"), 16)
    rpc.once(Fault.DUPLICATE)
    ask(rpc, "evm_mine")
    assert int(rpc.ask("eth_blockNumber"), 16) == before + 2


@pytest.mark.parametrize(("fault", "status"), [(Fault.TOO_MANY, 429), (Fault.SERVER_ERROR, 502)])
def test_refusals_have_their_status(rpc: FaultyRpc, fault: Fault, status: int) -> None:
    rpc.once(fault)
    assert ask(rpc, "eth_chainId").status_code == status
    assert ask(rpc, "eth_chainId").status_code == 200


def test_truncated_is_no_json(rpc: FaultyRpc) -> None:
    rpc.once(Fault.TRUNCATED)
    with pytest.raises(json.JSONDecodeError):
        ask(rpc, "eth_chainId").json()


def test_missing_item_shortens_a_batch(rpc: FaultyRpc) -> None:
    rpc.once(Fault.MISSING_ITEM)
    batch = [{"jsonrpc": "2.0", "id": one, "method": "eth_chainId", "params": []} for one in range(3)]
    assert len(httpx.post(rpc.url, json=batch, trust_env=False).json()) == 2


def test_lagging_answers_of_the_past_and_knows_nothing_newer(rpc: FaultyRpc) -> None:
    rpc.ask("anvil_mine", "0x14")
    head = rpc.ask("eth_getBlockByNumber", "latest", False)
    number = int(head["number"], 16)
    rpc.on(Fault.LAGGING)
    assert ask(rpc, "eth_blockNumber").json()["result"] == hex(number - 5)
    assert ask(rpc, "eth_getBlockByNumber", "latest", False).json()["result"]["number"] == hex(number - 5)
    assert ask(rpc, "eth_getBlockByNumber", "finalized", False).json()["result"]["number"] == hex(number - 7)
    assert ask(rpc, "eth_getBlockByNumber", hex(number), False).json()["result"] is None
    assert ask(rpc, "eth_getBlockByHash", head["hash"], False).json()["result"] is None
    assert "error" in ask(rpc, "eth_getLogs", {"blockHash": head["hash"]}).json()
    assert "error" in ask(rpc, "eth_getBalance", "0x" + "11" * 20, {"blockHash": head["hash"]}).json()
    rpc.off(Fault.LAGGING)
    assert ask(rpc, "eth_getBlockByNumber", "latest", False).json()["result"] == head


def test_other_chain_tells_another_id(rpc: FaultyRpc) -> None:
    rpc.on(Fault.OTHER_CHAIN)
    assert ask(rpc, "eth_chainId").json()["result"] == "0x1"


def test_schedule_throws_the_same_dice_for_a_seed(rpc: FaultyRpc) -> None:
    statuses = []
    for _ in range(2):
        rpc.schedule(seed=3, share=0.5, faults=(Fault.TOO_MANY, Fault.SERVER_ERROR))
        statuses.append([ask(rpc, "eth_chainId").status_code for _ in range(12)])
    assert statuses[0] == statuses[1]
    assert set(statuses[0]) == {200, 429, 502}


def test_only_spares_other_methods(rpc: FaultyRpc) -> None:
    rpc.only = frozenset({"eth_getLogs"})
    rpc.on(Fault.TOO_MANY)
    assert ask(rpc, "eth_chainId").status_code == 200
    assert ask(rpc, "eth_getLogs", {}).status_code == 429


def test_a_socket_is_relayed_until_it_is_cut(rpc: FaultyRpc) -> None:
    with connect(rpc.listen_socket(), proxy=None) as opened:
        opened.send(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        )
        assert "result" in json.loads(opened.recv(timeout=5))
        rpc.ask("evm_mine")
        assert json.loads(opened.recv(timeout=5))["method"] == "eth_subscription"
        assert rpc.cut_sockets() == 1
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=5)
