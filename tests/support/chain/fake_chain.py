"""A small honest chain in memory: it keeps nonces, a pool and receipts as nodes do, in their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import requests
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from cityledger.chain.rpc.block_hashes import header_hash

CHAIN_ID = 31337


class RefusalError(Exception):
    def __init__(self, message: str, data: str | None = None) -> None:
        self.error = {"code": 3 if data is not None else -32000, "message": message, "data": data}


@dataclass
class FakeChain:
    chain_id: int = CHAIN_ID
    automine: bool = True
    is_down: bool = False
    revert_data: bytes | None = None
    """What every call answers with; a transaction that is mined then reverts."""
    height: int = 1
    fork_at: int | None = None
    """From this block on it is another chain."""
    nonces: dict[str, int] = field(default_factory=dict)
    pool: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    # --- what a provider is ------------------------------------------------------------------------------

    def make_request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        if self.is_down:
            raise requests.ConnectionError("Max retries exceeded with url: /v3/secret-key")
        self.methods.append(method)
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": getattr(self, method)(*params)}
        except RefusalError as refusal:
            return {"jsonrpc": "2.0", "id": 1, "error": refusal.error}

    def make_batch_request(self, batch: Sequence[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
        answers = [self.make_request(method, params) for method, params in batch]
        return [{**answer, "id": number} for number, answer in enumerate(answers)]

    # --- JSON-RPC ----------------------------------------------------------------------------------------

    def eth_chainId(self) -> str:  # noqa: N802
        return hex(self.chain_id)

    def eth_getBlockByNumber(self, number: str, full: bool) -> dict[str, Any] | None:  # noqa: N802
        named = {"latest": self.height, "finalized": max(self.height - 2, 0)}
        height = named[number] if number in named else int(number, 16)
        if height > self.height:
            return None
        return {**header(height, self.fork_at), "transactions": []}

    def eth_getBlockReceipts(self, block: str) -> list[dict[str, Any]] | None:  # noqa: N802
        return [] if block in {block_hash(height) for height in range(self.height + 1)} else None

    def eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.height)

    def eth_maxPriorityFeePerGas(self) -> str:  # noqa: N802
        return hex(10**9)

    def eth_getTransactionCount(self, account: str, block: str) -> str:  # noqa: N802
        waiting = (
            sum(1 for sent in self.pool.values() if sent["from"] == account) if block == "pending" else 0
        )
        return hex(self.nonces.get(account, 0) + waiting)

    def eth_estimateGas(self, transaction: dict[str, str]) -> str:  # noqa: N802
        self._revert_if_configured()
        return hex(100_000)

    def eth_call(self, transaction: dict[str, str], block: object) -> str:
        self._revert_if_configured()
        return "0x"

    def eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        transaction = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender, name = Account.recover_transaction(raw), "0x" + keccak(bytes.fromhex(raw[2:])).hex()
        if name in self.pool:
            raise RefusalError("already known")
        if transaction["nonce"] < self.nonces.get(sender, 0):
            raise RefusalError("nonce too low: next nonce is higher")
        if any(
            sent["from"] == sender and sent["nonce"] == transaction["nonce"] for sent in self.pool.values()
        ):
            raise RefusalError("replacement transaction underpriced")
        self.pool[name] = {"from": sender, "nonce": transaction["nonce"]}
        if self.automine:
            self.mine()
        return name

    def eth_getTransactionReceipt(self, name: str) -> dict[str, Any] | None:  # noqa: N802
        return self.receipts.get(name)

    def eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        if where.get("blockHash") not in {None, *(block_hash(height) for height in range(self.height + 1))}:
            raise RefusalError("unknown block")
        return self.logs

    # --- the test's hand ---------------------------------------------------------------------------------

    def mine(self) -> None:
        self.height += 1
        for name, sent in sorted(self.pool.items(), key=lambda item: item[1]["nonce"]):
            self.nonces[sent["from"]] = sent["nonce"] + 1
            self.receipts[name] = {
                "transactionHash": name,
                "blockNumber": hex(self.height),
                "blockHash": block_hash(self.height),
                "status": "0x1" if self.revert_data is None else "0x0",
                "gasUsed": hex(50_000),
                "contractAddress": None,
                "logs": [],
            }
        self.pool.clear()

    def _revert_if_configured(self) -> None:
        if self.revert_data is not None:
            raise RefusalError("execution reverted", "0x" + self.revert_data.hex())


def block_hash(height: int) -> str:
    return str(header(height)["hash"])


@cache
def header(height: int, fork_at: int | None = None) -> dict[str, str]:
    """The header of an empty block, with the hash of its fields."""
    if height < 0:
        return {"hash": "0x" + "00" * 32}
    is_other = fork_at is not None and height >= fork_at
    fields = {
        "parentHash": header(height - 1, fork_at)["hash"],
        **dict.fromkeys(("sha3Uncles", "stateRoot", "transactionsRoot", "mixHash"), "0x" + "00" * 32),
        "miner": "0x" + "00" * 20,
        "receiptsRoot": "0x" + keccak(b"\x80").hex(),
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x0",
        "number": hex(height),
        "gasLimit": hex(30_000_000),
        "gasUsed": "0x0",
        "timestamp": hex(1_700_000_000 + height),
        "extraData": "0x66" if is_other else "0x",
        "nonce": "0x" + "00" * 8,
        "baseFeePerGas": hex(10**9),
    }
    return {**fields, "hash": header_hash(fields)}
