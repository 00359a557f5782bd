"""The chain as any client can query it: JSON-RPC by hand, without the package."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import httpx

from crash.verifier import keccak

_ANCHORED = keccak(b"BatchAnchored(uint64,uint64,uint32,bytes32)")
_BATCH_AT = keccak(b"batchAt(uint64,uint64)")[:4]


@dataclass(frozen=True, slots=True)
class AnchoredBatch:
    """A batch as the canonical chain reports it."""

    log: int
    first: int
    count: int
    root: bytes
    transaction: str
    block: int


class RawChain:
    """One endpoint; anvil's own calls among them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=30, trust_env=False)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, *params: object) -> Any:
        """The result.

        Raises:
            AssertionError: the endpoint refused.
        """
        request = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        answer = self._http.post(self.url, json=request).json()
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    # --- what a test does to the chain ----------------------------------------------------------------------

    def hold(self) -> None:
        """No more blocks until ``resume`` or ``mine``; transactions wait in the pool."""
        self.ask("evm_setIntervalMining", 0)

    def resume(self) -> None:
        """A block each second again."""
        self.ask("evm_setIntervalMining", 1)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.ask("evm_mine")

    def send(self, sender: str, to: str, data: bytes) -> None:
        """As an account that anvil itself holds the key of; returns once it is in the pool."""
        self.ask(
            "eth_sendTransaction", {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(500_000)}
        )

    def reorg(self, depth: int, retained: list[tuple[str, int]] | None = None) -> None:
        """Replaces the newest ``depth`` blocks by others. ``retained`` are raw transactions, each with the
        place of its block among the new ones; every other transaction of those blocks is lost.
        """
        self.ask("anvil_reorg", depth, [list(one) for one in retained or []])
        self._set_clock()

    def save(self) -> str:
        """What ``reset`` goes back to."""
        saved: str = self.ask("evm_snapshot")
        return saved

    def reset(self, saved: str) -> None:
        """The chain as it was, as if nothing had come after."""
        assert self.ask("evm_revert", saved)
        self._set_clock()

    def set_base_fee(self, gwei: int) -> None:
        """Of the next block; each empty block after it lowers it by an eighth."""
        self.ask("anvil_setNextBlockBaseFeePerGas", hex(gwei * 10**9))

    def _set_clock(self) -> None:
        # Anvil's clock continues from the block that it went back to.
        self.ask("evm_setTime", int(time.time() * 1000))

    # --- what the chain holds -------------------------------------------------------------------------------

    def head(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def final(self) -> int:
        return int(self.block("finalized")["number"], 16)

    def block(self, name: int | str, *, with_transactions: bool = False) -> dict[str, Any]:
        named = hex(name) if isinstance(name, int) else name
        answer: dict[str, Any] = self.ask("eth_getBlockByNumber", named, with_transactions)
        return answer

    def nonce(self, account: str) -> int:
        return int(self.ask("eth_getTransactionCount", account, "latest"), 16)

    def pending_of(self, account: str) -> dict[int, dict[str, Any]]:
        """The account's transactions in the pool, by nonce."""
        pool = self.ask("txpool_content")
        waiting = {**pool["pending"], **pool["queued"]}
        by_nonce: dict[str, dict[str, Any]] = {}
        for key, transactions in waiting.items():
            if key.lower() == account.lower():
                by_nonce = transactions
        return {int(nonce): transaction for nonce, transaction in by_nonce.items()}

    def receipt(self, transaction: str) -> dict[str, Any] | None:
        answer: dict[str, Any] | None = self.ask("eth_getTransactionReceipt", transaction)
        return answer

    def anchored(self, ledger: str) -> list[AnchoredBatch]:
        """Every batch on the canonical chain, as the ledger's events report it, oldest first."""
        wanted = {
            "fromBlock": "0x0",
            "toBlock": "latest",
            "address": ledger,
            "topics": ["0x" + _ANCHORED.hex()],
        }
        return [
            AnchoredBatch(
                int(log["topics"][1], 16),
                int(log["topics"][2], 16),
                int(log["data"][2:66], 16),
                bytes.fromhex(log["data"][66:130]),
                log["transactionHash"],
                int(log["blockNumber"], 16),
            )
            for log in self.ask("eth_getLogs", wanted)
        ]

    def word_of(self, ledger: str, log: int, first: int) -> bytes:
        """What the ledger stores for the batch: the one word that a verifier is shown."""
        data = _BATCH_AT + log.to_bytes(32, "big") + first.to_bytes(32, "big")
        word: str = self.ask("eth_call", {"to": ledger, "data": "0x" + data.hex()}, "latest")
        return bytes.fromhex(word[2:])

    def mined_of(self, account: str) -> dict[int, tuple[str, bool]]:
        """nonce → (transaction hash, whether it succeeded), of every mined transaction of the account."""
        found: dict[int, tuple[str, bool]] = {}
        for number in range(self.head() + 1):
            for transaction in self.block(number, with_transactions=True)["transactions"]:
                if transaction["from"].lower() == account.lower():
                    nonce = int(transaction["nonce"], 16)
                    assert nonce not in found, f"nonce {nonce} is mined twice"
                    receipt = self.receipt(transaction["hash"])
                    assert receipt is not None
                    found[nonce] = transaction["hash"], receipt["status"] == "0x1"
        return found
