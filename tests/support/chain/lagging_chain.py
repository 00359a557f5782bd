"""A chain as it was some blocks ago, for an endpoint that lags behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.chain.rpc_faults import Answer, Request, result_of, unknown_block

_NAMED = {"latest": 0, "pending": 0, "safe": 1, "finalized": 2, "earliest": None}
"""Depth below the head of each named block of a devnet (``--slots-in-an-epoch 1``)."""
_BLOCK_AT = {
    "eth_getBlockByNumber": 0,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
}
"""The place of the block among the parameters of a method."""


@dataclass(frozen=True, slots=True)
class LaggingChain:
    """Answers requests from the state of ``blocks`` ago."""

    forward: Callable[[Request], Answer]
    ask: Callable[..., Any]
    blocks: int

    def answer(self, request: Request) -> Answer:
        method, params = request["method"], request.get("params", [])
        seen = max(0, int(self.ask("eth_blockNumber"), 16) - self.blocks)
        if method == "eth_blockNumber":
            return result_of(request, hex(seen))
        if method == "eth_getLogs":
            return self._lagging_logs(request, dict(params[0]), seen)
        if method == "eth_getBlockReceipts":
            return self.forward(request) if self._is_seen(params[0], seen) else result_of(request, None)
        if method in ("eth_getBlockByHash", "eth_getTransactionReceipt"):
            return self._unless_newer(self.forward(request), seen)
        place = _BLOCK_AT.get(method)
        if place is None:
            return self.forward(request)
        moved = list(params) if place < len(params) else [*params, "latest"]
        at = moved[place]
        if isinstance(at, dict):
            return self.forward(request) if self._is_seen(at["blockHash"], seen) else unknown_block(request)
        number = _height(at, seen)
        if number > seen:
            return result_of(request, None) if method == "eth_getBlockByNumber" else unknown_block(request)
        moved[place] = hex(number)
        return self.forward({**request, "params": moved})

    def _lagging_logs(self, request: Request, where: dict[str, Any], seen: int) -> Answer:
        if "blockHash" in where:
            return (
                self.forward(request) if self._is_seen(where["blockHash"], seen) else unknown_block(request)
            )
        first, last = (_height(where.get(name, "latest"), seen) for name in ("fromBlock", "toBlock"))
        if first > seen:
            return result_of(request, [])
        bounded = {**where, "fromBlock": hex(first), "toBlock": hex(min(last, seen))}
        return self.forward({**request, "params": [bounded]})

    def _is_seen(self, block_hash: str, seen: int) -> bool:
        block = self.ask("eth_getBlockByHash", block_hash, False)
        return block is not None and int(block["number"], 16) <= seen

    @staticmethod
    def _unless_newer(answered: Answer, seen: int) -> Answer:
        block = answered.get("result")
        number = None if block is None else block.get("blockNumber", block.get("number"))
        return answered if number is None or int(number, 16) <= seen else {**answered, "result": None}


def _height(at: Any, seen: int) -> int:
    if at not in _NAMED:
        return int(at, 16)
    below = _NAMED[at]
    return 0 if below is None else max(0, seen - below)
