"""Reads the ledger over plain JSON-RPC, so that a proof can be checked against a chain with the base install.

All answers are of one block, the newest or the last final one at the first call, requested by its hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from eth_utils.address import to_checksum_address

from cityledger.client.ledger.events import OperatorChange, changes_in, topics_of_agency, topics_of_log
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.keccak import keccak
from cityledger.proofs.ledger import LogInfo, QueriedBlock
from cityledger.types import Address, AgencyId, DatasetId, LogId, LogKind

TIMEOUT_SECONDS = 20.0
_WORD = 32


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    hash: str


class RpcLedgerReader:
    """Reads the ``RecordLedger`` that the city published, on a chain that the verifier trusts.

    Raises (every call):
        ChainUnavailableError: the endpoint does not answer.
        ChainError: it refused, or the contract does not exist.
    """

    def __init__(
        self,
        rpc_url: str,
        ledger: Address,
        *,
        final: bool = False,
        first_block: int = 0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``final`` reads the last final block, which no reorg undoes, instead of the newest. Events are
        searched from ``first_block``: if it is above the ledger's creation, logs are missed."""
        self._url = rpc_url
        self._ledger = Address(to_checksum_address(ledger))
        self._tag = "finalized" if final else "latest"
        self._first_block = first_block
        self._words: dict[tuple[Address, str, tuple[int, ...]], list[bytes]] = {}
        self._changes: dict[LogId, tuple[OperatorChange, ...]] = {}
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

    @cached_property
    def block(self) -> QueriedBlock:
        number = self._head.number
        return QueriedBlock(number, self._tag == "finalized" or number <= self._final_number())

    def log_info(self, log: LogId) -> LogInfo | None:
        words = self._call(self._ledger, "logOf(uint64)", log)
        agency, kind, _, following = (int.from_bytes(word) for word in words[:4])
        return LogInfo(AgencyId(agency), LogKind(kind), following) if kind in tuple(LogKind) else None

    def operator_at(self, log: LogId, block: int) -> Address | None:
        if log not in self._changes:
            self._changes[log] = changes_in(self._events(topics_of_log(log)))
        earlier = [one.operator for one in self._changes[log] if one.block <= block]
        return earlier[-1] if earlier else None

    def logs_of(self, agency: AgencyId) -> tuple[LogId, ...]:
        return tuple(one.log for one in changes_in(self._events(topics_of_agency(agency))))

    def dataset_provider(self, dataset: DatasetId) -> AgencyId:
        words = self._call(self._catalog, "standing(bytes32)", int.from_bytes(dataset))
        return AgencyId(int.from_bytes(words[0]))

    @cached_property
    def _catalog(self) -> Address:
        word = self._call(self._ledger, "catalog()")[0]
        return Address(to_checksum_address("0x" + word[-20:].hex()))

    @cached_property
    def _head(self) -> _Head:
        return self._block_named(self._tag)

    def _final_number(self) -> int:
        """The number of the last final block, -1 if the endpoint knows none."""
        try:
            return self._block_named("finalized").number
        except ChainError:
            return -1

    def _block_named(self, tag: str) -> _Head:
        block = self._ask("eth_getBlockByNumber", tag, False)
        try:
            return _Head(int(block["number"], 16), str(block["hash"]))
        except (KeyError, TypeError, ValueError):
            raise ChainError(f"the endpoint has no block {tag}") from None

    def _events(self, topics: list[object]) -> list[dict[str, Any]]:
        """The ledger's events up to the block that is read, oldest first."""
        found = self._events_between(topics, self._first_block, self._head.number)
        if self._block_named(hex(self._head.number)).hash != self._head.hash:
            raise ChainError("the chain was reorganised while it was read; try again")
        return found

    def _events_between(self, topics: list[object], first: int, last: int) -> list[dict[str, Any]]:
        place = {"address": self._ledger, "fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
        try:
            found = self._ask("eth_getLogs", place)
        except ChainUnavailableError:
            raise
        except ChainError:
            if first >= last:
                raise
            # Public endpoints limit the range or the number of answers.
            middle = (first + last) // 2
            halves = ((first, middle), (middle + 1, last))
            return [event for half in halves for event in self._events_between(topics, *half)]
        if not isinstance(found, list):
            raise ChainError("the endpoint's events are not a list")
        return found

    def _call(self, to: Address, function: str, *arguments: int) -> list[bytes]:
        """The words that a view function returns; called once, since all answers are of one block."""
        key = (to, function, arguments)
        if key not in self._words:
            self._words[key] = self._call_node(to, function, *arguments)
        return self._words[key]

    def _call_node(self, to: Address, function: str, *arguments: int) -> list[bytes]:
        data = keccak(function.encode())[:4] + b"".join(one.to_bytes(_WORD) for one in arguments)
        call = {"to": to, "data": "0x" + data.hex()}
        returned = self._ask("eth_call", call, {"blockHash": self._head.hash})
        try:
            words = bytes.fromhex(str(returned).removeprefix("0x"))
        except ValueError:
            words = b""
        if not words or len(words) % _WORD:
            raise ChainError(f"the account {to} is not a contract with {function}")
        return [words[start : start + _WORD] for start in range(0, len(words), _WORD)]

    def _ask(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._answer(lambda: self._http.post(self._url, json=request))
        if not isinstance(answer, dict) or "result" not in answer:
            error = answer.get("error") if isinstance(answer, dict) else None
            message = error.get("message") if isinstance(error, dict) else "not an answer of JSON-RPC"
            raise ChainError(f"the endpoint refused {method}: {message}")
        return answer["result"]

    @staticmethod
    def _answer(post: Callable[[], httpx.Response]) -> Any:
        try:
            return post().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Without the URL: it may contain a key.
            raise ChainUnavailableError(f"the endpoint does not answer: {type(error).__name__}") from None


def _number(value: object) -> int:
    try:
        return int(str(value), 16)
    except ValueError:
        raise ChainError("the endpoint's chain id is not a number") from None
