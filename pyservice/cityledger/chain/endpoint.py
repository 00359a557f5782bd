"""JSON-RPC to a chain. The one place where foreign exceptions of the transport become ours."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider, IPCProvider
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from cityledger.chain.reverts import decode_revert
from cityledger.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigurationError,
    RevertedError,
    WrongChainError,
)
from cityledger.types import Address, BlockRef

_log = logging.getLogger(__name__)

At = BlockRef | int | Literal["latest", "pending", "finalized"]
"""The block that a read is made at. A BlockRef is asked by hash, so an orphaned block is refused instead of
answered wrongly.
"""


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """A JSON-RPC answer before anyone has judged it. ``error`` is "" on success."""

    result: Any
    error: str = ""
    error_data: bytes = b""
    reverted: bool = False

    def revert(self) -> RevertedError:
        """The contract's error, when ``reverted``."""
        return decode_revert(self.error_data)


class _Provider(Protocol):
    def make_request(self, method: RPCEndpoint, params: Any) -> Any: ...
    def make_batch_request(self, requests: Any) -> Any: ...


class _Ipc(IPCProvider):
    """web3's, but it closes its socket when it goes; left to the interpreter, each would warn."""

    def __del__(self) -> None:
        opened: socket.socket | None = getattr(self._socket, "sock", None)
        if opened is not None:
            opened.close()


class Endpoint:
    """One chain behind one or more URLs. Usable from several threads; each thread keeps its own connection
    alive.

    When a URL does not answer, the next is tried and kept. A caller that must not go back in time compares
    heads itself.
    """

    def __init__(self, chain_id: int, providers: Sequence[tuple[str, _Provider]]) -> None:
        self.chain_id = chain_id
        self._providers = list(providers)
        self._current = 0
        self._lock = threading.Lock()

    @property
    def shown_url(self) -> str:
        """The URL in use, without what could be a credential."""
        return self._providers[self._current][0]

    def ask(self, method: str, *params: object) -> RpcAnswer:
        """One request; a refusal is a value.

        Raises:
            ChainUnavailableError: no URL answers.
        """
        return _answer(self._send(lambda provider: provider.make_request(RPCEndpoint(method), list(params))))

    def ask_many(self, asked: Sequence[tuple[str, Sequence[object]]]) -> list[RpcAnswer]:
        """Several requests in one round trip, answered in their order.

        Raises:
            ChainUnavailableError: no URL answers.
        """
        if not asked:
            return []
        batch = [(RPCEndpoint(method), list(params)) for method, params in asked]
        answered = self._send(lambda provider: provider.make_batch_request(batch))
        if not isinstance(answered, list) or len(answered) != len(asked):
            raise ChainError(f"{self.shown_url} does not answer batches as JSON-RPC 2.0 says")
        return [_answer(one) for one in answered]

    def request(self, method: str, *params: object) -> Any:
        """One request that must succeed.

        Raises:
            RevertedError: a contract refused.
            ChainError: the endpoint refused.
            ChainUnavailableError: no URL answers.
        """
        return self._accepted(method, self.ask(method, *params))

    def request_many(self, asked: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """As ``request``, for several at once; raises for the first that was refused."""
        return [
            self._accepted(method, one) for (method, _), one in zip(asked, self.ask_many(asked), strict=True)
        ]

    def call(self, to: Address, data: bytes, at: At, sender: Address | None = None) -> bytes:
        """The bytes that a view call returns at a block.

        Raises:
            RevertedError: the contract refused.
            ChainError: the block is unknown here (orphaned or pruned).
        """
        return from_hex(self.request("eth_call", call_parameters(to, data, sender), block_parameter(at)))

    def logs(self, first: int, last: int, **where: object) -> Iterator[dict[str, Any]]:
        """Raw logs of the closed range, read in pieces that shrink when the endpoint refuses and grow again.

        Raises:
            ChainError: it refuses even a single block.
        """
        width = last - first + 1
        while first <= last:
            asked = {**where, "fromBlock": hex(first), "toBlock": hex(min(first + width - 1, last))}
            answer = self.ask("eth_getLogs", asked)
            if answer.error and width > 1:
                width = max(width // 4, 1)
                continue
            yield from self._accepted("eth_getLogs", answer)
            first, width = first + width, width * 2

    def code(self, address: Address, at: At = "latest") -> bytes:
        return from_hex(self.request("eth_getCode", address, block_parameter(at)))

    def verify_chain(self) -> None:
        """Asks the URL in use for its chain id.

        Raises:
            WrongChainError: it serves another chain.
        """
        served = int(self.request("eth_chainId"), 16)
        if served != self.chain_id:
            raise WrongChainError(f"{self.shown_url} serves chain {served}; expected chain {self.chain_id}")

    def _accepted(self, method: str, answer: RpcAnswer) -> Any:
        if answer.reverted:
            raise answer.revert()
        if answer.error:
            raise ChainError(f"{self.shown_url} refused {method}: {answer.error}")
        return answer.result

    def _send(self, request: Any) -> Any:
        first = self._current
        for step in range(len(self._providers)):
            index = (first + step) % len(self._providers)
            shown, provider = self._providers[index]
            try:
                if step:
                    self._verify_serves(provider, shown)
                answered = request(provider)
            # ValueError: an endpoint that answers something other than JSON, a gateway's error
            # page for example.
            except (requests.RequestException, Web3Exception, OSError, ValueError, TimeoutError) as error:
                _log.warning(
                    "endpoint does not answer", extra={"endpoint": shown, "reason": type(error).__name__}
                )
                continue
            self._current = index
            return answered
        # Without "from": the transport's message repeats the full URL, and with it any key inside.
        raise ChainUnavailableError(
            f"no endpoint answers: {', '.join(shown for shown, _ in self._providers)}"
        ) from None

    def _verify_serves(self, provider: _Provider, shown: str) -> None:
        served = int(str(_answer(provider.make_request(RPCEndpoint("eth_chainId"), [])).result), 16)
        if served != self.chain_id:
            raise WrongChainError(f"{shown} serves chain {served}; expected chain {self.chain_id}")


def connect(rpc_url: str, expected_chain_id: int | None, *, timeout_seconds: float = 10.0) -> Endpoint:
    """Opens an endpoint: ``http(s)://…``, or ``ipc:`` and a path; several, separated by commas, for failover.

    ``expected_chain_id`` None takes whatever chain answers; only a command that is about to tell the user may
    do so.

    Raises:
        ConfigurationError: no URL, or one of another scheme.
        WrongChainError: the endpoint serves another chain id.
        ChainUnavailableError: none answers.
    """
    urls = [part.strip() for part in rpc_url.split(",") if part.strip()]
    if not urls:
        raise ConfigurationError("no RPC URL was given")
    providers = [(masked(url), _provider(url, timeout_seconds)) for url in urls]
    endpoint = Endpoint(expected_chain_id or 0, providers)
    if expected_chain_id is None:
        endpoint.chain_id = int(endpoint.request("eth_chainId"), 16)
    endpoint.verify_chain()
    return endpoint


def masked(url: str) -> str:
    """The URL without user, password, path and query, any of which may be a key."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:…" if parts.scheme else "…"
    port = f":{parts.port}" if parts.port else ""
    hidden = "/…" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{parts.hostname}{port}{hidden}"


def block_parameter(at: At) -> object:
    """How JSON-RPC names the block (EIP-1898 for a hash)."""
    if isinstance(at, BlockRef):
        return {"blockHash": to_hex(at.hash)}
    return hex(at) if isinstance(at, int) else at


def call_parameters(to: Address | None, data: bytes, sender: Address | None = None) -> dict[str, str]:
    """The transaction object of eth_call and eth_estimateGas; without ``to`` it creates a contract."""
    held = {"to": to, "data": to_hex(data), "from": sender}
    return {key: value for key, value in held.items() if value is not None}


def to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def from_hex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _provider(url: str, timeout_seconds: float) -> _Provider:
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        # No retries inside: a retried eth_sendRawTransaction would hide "already known" from the sender.
        return HTTPProvider(
            url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=None
        )
    if scheme == "ipc":
        return _Ipc(url.removeprefix("ipc://").removeprefix("ipc:"), timeout=int(timeout_seconds))
    raise ConfigurationError(f"an RPC URL must begin with http://, https:// or ipc:, not {masked(url)}")


def _answer(response: Any) -> RpcAnswer:
    error = response.get("error")
    if error is None:
        return RpcAnswer(response.get("result"))
    if not isinstance(error, dict):
        return RpcAnswer(None, str(error))
    message = str(error.get("message", "")) or json.dumps(error)
    data = _revert_data(error.get("data"))
    reverted = error.get("code") == 3 or "revert" in message.lower()
    return RpcAnswer(None, message, data, reverted)


def _revert_data(data: object) -> bytes:
    """Revert data as clients wrap it: a hex string, an object with ``data``, or prose before the hex."""
    if isinstance(data, dict):
        return _revert_data(data.get("data") or data.get("result"))
    if not isinstance(data, str) or "0x" not in data:
        return b""
    try:
        return bytes.fromhex(data[data.index("0x") + 2 :])
    except ValueError:
        return b""
