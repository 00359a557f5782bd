"""Reads the ledger over plain JSON-RPC, so that a proof can be held against a chain with the base install.

All answers are of one block, the head at the first question, asked for by its hash.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import httpx
from eth_utils.address import to_checksum_address

from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.keccak import keccak
from cityledger.proofs.verify import LogInfo
from cityledger.types import Address, AgencyId, DatasetId, LogId, LogKind

TIMEOUT_SECONDS = 20.0
_WORD = 32


class RpcLedgerReader:
    """Asks a chain that the verifier trusts about the ``RecordLedger`` that the city published.

    Raises (every question):
        ChainUnavailableError: the endpoint does not answer.
        ChainError: it refused, or there is no such contract.
    """

    def __init__(
        self, rpc_url: str, ledger: Address, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = rpc_url
        self._ledger = Address(to_checksum_address(ledger))
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, transport=transport)

    def close(self) -> None:
        self._http.close()

    @property
    def ledger(self) -> Address:
        return self._ledger

    @cached_property
    def chain_id(self) -> int:
        return _number(self._ask("eth_chainId"))

    def instance(self) -> bytes:
        return self._call(self._ledger, "instance()")[0]

    def batch_word(self, log: LogId, first: int) -> bytes:
        return self._call(self._ledger, "batchAt(uint64,uint64)", log, first)[0]

    def log_info(self, log: LogId) -> LogInfo | None:
        agency, kind = (int.from_bytes(word) for word in self._call(self._ledger, "logOf(uint64)", log)[:2])
        return LogInfo(AgencyId(agency), LogKind(kind)) if kind in tuple(LogKind) else None

    def dataset_provider(self, dataset: DatasetId) -> AgencyId:
        words = self._call(self._catalog, "standing(bytes32)", int.from_bytes(dataset))
        return AgencyId(int.from_bytes(words[0]))

    @cached_property
    def _catalog(self) -> Address:
        word = self._call(self._ledger, "catalog()")[0]
        return Address(to_checksum_address("0x" + word[-20:].hex()))

    @cached_property
    def _block(self) -> dict[str, str]:
        head = self._ask("eth_getBlockByNumber", "latest", False)
        return {"blockHash": str(head["hash"])} if isinstance(head, dict) else {}

    def _call(self, to: Address, function: str, *arguments: int) -> list[bytes]:
        """The words that a view function returns."""
        data = keccak(function.encode())[:4] + b"".join(one.to_bytes(_WORD) for one in arguments)
        told = self._ask("eth_call", {"to": to, "data": "0x" + data.hex()}, self._block)
        try:
            held = bytes.fromhex(str(told).removeprefix("0x"))
        except ValueError:
            held = b""
        if not held or len(held) % _WORD:
            raise ChainError(f"at {to} there is no contract with {function}")
        return [held[start : start + _WORD] for start in range(0, len(held), _WORD)]

    def _ask(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._answer(lambda: self._http.post(self._url, json=request))
        if not isinstance(answer, dict) or "result" not in answer:
            error = answer.get("error") if isinstance(answer, dict) else None
            told = error.get("message") if isinstance(error, dict) else "not an answer of JSON-RPC"
            raise ChainError(f"the endpoint refused {method}: {told}")
        return answer["result"]

    @staticmethod
    def _answer(post: Callable[[], httpx.Response]) -> Any:
        try:
            return post().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Without the URL: it may hold a key.
            raise ChainUnavailableError(f"the endpoint does not answer: {type(error).__name__}") from None


def _number(told: object) -> int:
    try:
        return int(str(told), 16)
    except ValueError:
        raise ChainError("the endpoint's chain id is not a number") from None
