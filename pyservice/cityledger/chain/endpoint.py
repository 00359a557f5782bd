"""JSON-RPC to a chain behind one or more URLs. Foreign exceptions of the transport stop in ``upstream``."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from web3 import HTTPProvider, IPCProvider

from cityledger.chain.heads import Heads, note, told
from cityledger.chain.upstream import (
    EndpointHealth,
    HealthState,
    NoAnswerError,
    Provider,
    RpcAnswer,
    Upstream,
)
from cityledger.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigurationError,
    WrongChainError,
)
from cityledger.types import Address, BlockRef

T = TypeVar("T")
At = BlockRef | int | Literal["latest", "pending", "finalized"]
"""The block that a read is made at. A BlockRef is asked by hash, so an orphaned block is refused instead of
answered wrongly.
"""


class _Ipc(IPCProvider):
    """web3's, but it closes its socket when it goes; left to the interpreter, each would warn."""

    def __del__(self) -> None:
        opened: socket.socket | None = getattr(self._socket, "sock", None)
        if opened is not None:
            opened.close()


class Endpoint:
    """One chain behind one or more URLs, in order of preference. Usable from several threads; each thread
    keeps its own connections alive.

    When a URL does not answer, the next is asked; the better one is asked again once it is well. ``spawn``
    runs the look at an ill URL, so that nobody waits for it.
    """

    def __init__(
        self,
        chain_id: int,
        providers: Sequence[tuple[str, Provider]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self.chain_id = chain_id
        self._upstreams = [Upstream(shown, provider, monotonic) for shown, provider in providers]
        self._used = self._upstreams[0]
        self._pool = ThreadPoolExecutor(2 * len(providers), "endpoint")  # no thread before its first use
        self._heads = Heads(self._upstreams, self._pool)
        self._spawn = spawn or self._pool.submit
        self._is_sole = len(providers) == 1
        if self._is_sole:
            self._used.is_verified = True  # whoever has one URL asks for its chain id when connecting

    @property
    def shown_url(self) -> str:
        """The URL in use, without what could be a credential."""
        return self._used.shown_url

    def health(self) -> list[EndpointHealth]:
        """Of each URL, in order of preference. Asks nobody."""
        return [upstream.health() for upstream in self._upstreams]

    def ask(self, method: str, *params: object) -> RpcAnswer:
        """One request; a refusal is a value.

        Raises:
            ChainUnavailableError: no URL answers.
        """
        return self._send(lambda upstream: upstream.ask(method, params))

    def ask_many(self, asked: Sequence[tuple[str, Sequence[object]]]) -> list[RpcAnswer]:
        """Several requests in one round trip, answered in their order.

        Raises:
            ChainUnavailableError: no URL answers all of them.
        """
        return self._send(lambda upstream: upstream.ask_many(asked)) if asked else []

    def ask_elsewhere(self, method: str, *params: object) -> RpcAnswer | None:
        """One request to another URL than the one in use; None where no other is well."""
        for upstream in self._upstreams:
            if upstream is not self._used and upstream.state is HealthState.OK:
                try:
                    self._verify_serves(upstream)
                    return upstream.ask(method, params)
                except (NoAnswerError, WrongChainError) as error:
                    note(upstream, error)
        return None

    def head(self, acted_on: int = 0) -> dict[str, Any]:
        """The newest block that may be acted on, as JSON-RPC tells it: of several URLs as ``agreement`` says.
        The preferred one that does not lag is in use afterwards.

        Raises:
            ChainError: the endpoint refuses.
            ChainUnavailableError: no URL answers; of several, they disagree, too few answer, or too few reach
                ``acted_on``.
        """
        if self._is_sole:
            block = self.request("eth_getBlockByNumber", "latest", False)
            if block is None:
                raise ChainError(f"{self.shown_url} has no block latest")
            self._used.head = int(block["number"], 16)
            return dict(block)
        self._look_at_ill_ones()
        self._used, block = self._heads.find(self.chain_id, acted_on)
        return block

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
        """Asks for the chain id.

        Raises:
            WrongChainError: no URL that answers serves the right one.
            ChainUnavailableError: no URL answers.
        """
        served = int(self.request("eth_chainId"), 16)
        if served != self.chain_id:
            self._used.mark(HealthState.WRONG_CHAIN, f"chain {served}")
            raise WrongChainError(f"{self.shown_url} serves chain {served}; expected chain {self.chain_id}")
        self._used.mark(HealthState.OK, "serves the right chain")

    def _accepted(self, method: str, answer: RpcAnswer) -> Any:
        if answer.reverted:
            raise answer.revert()
        if answer.error:
            raise ChainError(f"{self.shown_url} refused {method}: {answer.error}")
        return answer.result

    # --- which URL ------------------------------------------------------------------------------------------

    def _send(self, request: Callable[[Upstream], T]) -> T:
        self._look_at_ill_ones()
        wrong: WrongChainError | None = None
        for upstream in self._candidates():
            try:
                self._verify_serves(upstream)
                answered = request(upstream)
            except NoAnswerError as error:
                note(upstream, error)
                continue
            except WrongChainError as error:
                note(upstream, error)
                wrong = error
                continue
            upstream.answered()
            self._used = upstream
            return answered
        if wrong is not None:
            raise wrong
        # Without "from": the transport's message repeats the full URL, and with it any key inside.
        raise ChainUnavailableError(f"no endpoint answers: {told(self._upstreams)}") from None

    def _candidates(self) -> list[Upstream]:
        """Who may be asked, in order. Ill ones come last, because then there is nobody else to wait for."""
        if self._is_sole:
            return self._upstreams
        order = (HealthState.OK, HealthState.LAGGING, HealthState.UNREACHABLE)
        return [one for state in order for one in self._preferred() if one.state is state]

    def _preferred(self) -> list[Upstream]:
        """In order of preference, but first the one in use while a better one is not at its height yet."""
        head = self._used.head
        if head is None:
            return self._upstreams
        return sorted(self._upstreams, key=lambda one: one.head is None or one.head < head)

    def _verify_serves(self, upstream: Upstream) -> None:
        if self.chain_id and not upstream.is_verified:
            upstream.verify_serves(self.chain_id)

    def _look_at_ill_ones(self) -> None:
        if not self._is_sole:
            for upstream in self._upstreams:
                if upstream.is_due():
                    self._spawn(lambda upstream=upstream: self._look_at(upstream))  # type: ignore[misc]

    def _look_at(self, upstream: Upstream) -> None:
        try:
            upstream.verify_serves(self.chain_id)
        except (NoAnswerError, WrongChainError) as error:
            note(upstream, error)
        else:
            upstream.mark(HealthState.OK, "answers")


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
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # its message quotes what stands in the port's place, which may be a password
        return "…"
    if parts.scheme not in ("http", "https", "ws", "wss"):
        return f"{parts.scheme}:…" if parts.scheme else "…"
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return f"{parts.scheme}://…"  # a password with / ? or # in it: host and port are its beginning
    hidden = "/…" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{parts.hostname}{port}{hidden}"


def block_parameter(at: At) -> object:
    """How JSON-RPC names the block (EIP-1898 for a hash; a node that holds orphans must refuse them)."""
    if isinstance(at, BlockRef):
        return {"blockHash": to_hex(at.hash), "requireCanonical": True}
    return hex(at) if isinstance(at, int) else at


def call_parameters(to: Address | None, data: bytes, sender: Address | None = None) -> dict[str, str]:
    """The transaction object of eth_call and eth_estimateGas; without ``to`` it creates a contract."""
    held = {"to": to, "data": to_hex(data), "from": sender}
    return {key: value for key, value in held.items() if value is not None}


def to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def from_hex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _provider(url: str, timeout_seconds: float) -> Provider:
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        # No retries inside: a retried eth_sendRawTransaction would hide "already known" from the sender.
        return HTTPProvider(
            url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=None
        )
    if scheme == "ipc":
        return _Ipc(url.removeprefix("ipc://").removeprefix("ipc:"), timeout=int(timeout_seconds))
    raise ConfigurationError(f"an RPC URL must begin with http://, https:// or ipc:, not {masked(url)}")
