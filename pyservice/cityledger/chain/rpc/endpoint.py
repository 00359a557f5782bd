"""JSON-RPC to a chain behind one or more URLs. Foreign exceptions of the transport stop in ``upstream``."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from web3 import IPCProvider

from cityledger.chain.rpc.bounded_http import BoundedHttp
from cityledger.chain.rpc.heads import Heads
from cityledger.chain.rpc.methods import Belief
from cityledger.chain.rpc.quorum import (
    Check,
    NotProvenError,
    Quorum,
    RefutedError,
    Requests,
    belief_of,
    checked,
)
from cityledger.chain.rpc.upstream import (
    EndpointHealth,
    HealthState,
    NoAnswerError,
    Provider,
    RpcAnswer,
    Upstream,
    describe,
    note,
)
from cityledger.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigurationError,
    WrongChainError,
)
from cityledger.types import Address, BlockRef

T = TypeVar("T")
_CANDIDATES = (HealthState.OK, HealthState.LAGGING, HealthState.UNRELIABLE, HealthState.UNREACHABLE)
At = BlockRef | int | Literal["latest", "pending", "finalized"]
"""The block that a read is made at. A BlockRef is requested by hash, so an orphaned block is refused instead
of answered wrongly.
"""


class _Ipc(IPCProvider):
    """web3's, but it closes its socket when it is deleted; else the interpreter would warn of each."""

    def __del__(self) -> None:
        opened: socket.socket | None = getattr(self._socket, "sock", None)
        if opened is not None:
            opened.close()


class Endpoint:
    """One chain behind one or more URLs, in order of preference. Usable from several threads; each thread
    keeps its own connections alive.

    Of three and more URLs an answer is accepted if a strict majority gives it or one of them proves it
    (``methods``, ``quorum``); one or two replace each other. ``spawn`` runs the check of an unhealthy URL, so
    that no caller waits for it.
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
        self._quorum = Quorum(len(providers), self._verify_serves)
        self._heads = Heads(self._upstreams)
        self._spawn = spawn
        self._is_sole = len(providers) == 1
        if self._is_sole:
            self._used.is_verified = True  # ``connect`` has read the chain id

    @property
    def shown_url(self) -> str:
        """The URL in use, without what could be a credential."""
        return self._used.shown_url

    @property
    def is_sole(self) -> bool:
        """Whether only one URL is configured, so that nothing can be compared."""
        return self._is_sole

    def health(self) -> list[EndpointHealth]:
        """The health of each URL, in order of preference. Sends no request."""
        return [upstream.health() for upstream in self._upstreams]

    # --- requests -------------------------------------------------------------------------------------------

    def ask(self, method: str, *params: object) -> RpcAnswer:
        """The answer to one request, accepted by the rule that ``methods`` has for it; a refusal is a value.

        Raises:
            ChainUnavailableError: no URL answers; of several, they disagree, or too few answer.
        """
        return self.ask_many([(method, params)])[0]

    def ask_many(self, requests: Requests) -> list[RpcAnswer]:
        """Several requests in one round trip, answered in their order.

        Raises:
            ChainUnavailableError: as ``ask``.
        """
        if not requests:
            return []
        if self._is_sole or belief_of(requests) in (Belief.ONE, Belief.PROVEN):
            return self._send(requests)
        self._check_unhealthy()
        return self._quorum.agree(requests, self._candidates())

    def ask_every(self, method: str, *params: object) -> list[RpcAnswer]:
        """The answer of each URL that gives one in time.

        Raises:
            ChainUnavailableError: none does.
        """
        requests = [(method, params)]
        if self._is_sole:
            return self._send(requests)
        self._check_unhealthy()
        return [given[0] for given in self._quorum.ask_every(requests, self._candidates())]

    def prove(self, requests: Requests, check: Check[T]) -> T:
        """The result of ``check`` for the first URL whose answers pass it. A URL whose answers were refuted
        is used last from then on, once those of another have passed.

        Raises:
            NotProvenError: no URL's answers pass.
            ChainUnavailableError: no URL answers.
        """
        if self._is_sole:
            return self._proven_alone(requests, check)
        self._check_unhealthy()
        self._used, result = self._quorum.prove(requests, self._candidates(), check)
        return result

    def head(self, acted_on: int = 0) -> dict[str, Any]:
        """The newest block that may be acted on, as JSON-RPC returns it; see ``tip``."""
        return self.tip(acted_on)[0]

    def tip(self, acted_on: int = 0) -> tuple[dict[str, Any], int | None]:
        """The newest block that may be acted on, and the number up to which its chain is final (None where
        too few claim it): of several URLs by the rules of ``agreement``. The preferred one that does not lag
        is in use afterwards.

        Raises:
            ChainError: the endpoint refuses.
            ChainUnavailableError: no URL answers; of several, they disagree, too few answer, or too few reach
                ``acted_on``.
        """
        if self._is_sole:
            return self._tip_alone()
        self._check_unhealthy()
        self._used, block, final = self._heads.find(self.chain_id, acted_on)
        return block, final

    def request(self, method: str, *params: object) -> Any:
        """The result of one request that must succeed, accepted as by ``ask``.

        Raises:
            RevertedError: a contract refused.
            ChainError: the endpoint refused.
            ChainUnavailableError: as ``ask``.
        """
        return self._accepted(method, self.ask(method, *params))

    def request_many(self, requests: Requests) -> list[Any]:
        """As ``request``, for several at once; raises for the first that was refused."""
        return [
            self._accepted(method, one)
            for (method, _), one in zip(requests, self.ask_many(requests), strict=True)
        ]

    def call(self, to: Address, data: bytes, at: At, sender: Address | None = None) -> bytes:
        """The bytes that a view call returns at a block.

        Raises:
            RevertedError: the contract refused.
            ChainError: the block is unknown here (orphaned or pruned).
        """
        return from_hex(
            self.request("eth_call", call_parameters(to, data, sender), block_parameter(self._pinned(at)))
        )

    def logs(self, first: int, last: int, **where: object) -> Iterator[dict[str, Any]]:
        """Raw logs of the closed range, read in pieces that shrink when the endpoint refuses and grow again.

        Raises:
            ChainError: it refuses even a single block.
        """
        width = last - first + 1
        while first <= last:
            filters = {**where, "fromBlock": hex(first), "toBlock": hex(min(first + width - 1, last))}
            answer = self.ask("eth_getLogs", filters)
            if answer.error and width > 1:
                width = max(width // 4, 1)
                continue
            yield from self._accepted("eth_getLogs", answer)
            first, width = first + width, width * 2

    def code(self, address: Address, at: At = "latest") -> bytes:
        return from_hex(self.request("eth_getCode", address, block_parameter(self._pinned(at))))

    def verify_chain(self) -> None:
        """Reads the chain id.

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

    def _pinned(self, at: At) -> At:
        """A block that is the same for all: of several URLs each has a "latest" of its own."""
        if self._is_sole or at != "latest":
            return at
        block = self.head()
        return BlockRef(int(block["number"], 16), from_hex(block["hash"]), int(block["timestamp"], 16))

    def _tip_alone(self) -> tuple[dict[str, Any], int | None]:
        requests = [("eth_getBlockByNumber", [name, False]) for name in ("latest", "finalized")]
        latest, final = self._send(requests)
        block = self._accepted("eth_getBlockByNumber", latest)
        if block is None:
            raise ChainError(f"{self.shown_url} has no block latest")
        self._used.head = int(block["number"], 16)
        return dict(block), int(final.result["number"], 16) if final.result else None

    def _proven_alone(self, requests: Requests, check: Check[T]) -> T:
        answers = self._send(requests)
        try:
            return checked(answers, check)
        except RefutedError as error:
            raise NotProvenError(f"{self.shown_url}: {error}") from error

    # --- which URL ------------------------------------------------------------------------------------------

    def _send(self, requests: Requests) -> list[RpcAnswer]:
        """The answers of the first URL that answers."""
        self._check_unhealthy()
        wrong: WrongChainError | None = None
        for upstream in self._candidates():
            try:
                self._verify_serves(upstream)
                answers = upstream.ask_many(requests) if len(requests) > 1 else [upstream.ask(*requests[0])]
            except NoAnswerError as error:
                note(upstream, error)
                continue
            except WrongChainError as error:
                note(upstream, error)
                wrong = error
                continue
            upstream.answered()
            self._used = upstream
            return answers
        if wrong is not None:
            raise wrong
        # Without "from": the transport's message repeats the full URL, and with it any key inside.
        raise ChainUnavailableError(f"no endpoint answers: {describe(self._upstreams)}") from None

    def _candidates(self) -> list[Upstream]:
        """The URLs that may be used, in order. Unhealthy ones come last: they are used only if no other is
        left.
        """
        if self._is_sole:
            return self._upstreams
        return [one for state in _CANDIDATES for one in self._preferred() if one.state is state]

    def _preferred(self) -> list[Upstream]:
        """In order of preference; those below the height of the one in use come after it."""
        head = self._used.head
        if head is None:
            return self._upstreams
        return sorted(self._upstreams, key=lambda one: one.head is None or one.head < head)

    def _verify_serves(self, upstream: Upstream) -> None:
        if self.chain_id and not upstream.is_verified:
            upstream.verify_serves(self.chain_id)

    def _check_unhealthy(self) -> None:
        if not self._is_sole:
            for upstream in self._upstreams:
                if upstream.is_due():
                    spawn = self._spawn or upstream.submit
                    spawn(lambda upstream=upstream: self._check(upstream))  # type: ignore[misc]

    def _check(self, upstream: Upstream) -> None:
        try:
            upstream.verify_serves(self.chain_id)
        except (NoAnswerError, WrongChainError) as error:
            note(upstream, error)
        else:
            upstream.mark(HealthState.OK, "answers")


def connect(rpc_url: str, expected_chain_id: int | None, *, timeout_seconds: float = 10.0) -> Endpoint:
    """Opens an endpoint: ``http(s)://…``, or ``ipc:`` and a path; several, separated by commas, for failover.

    ``expected_chain_id`` None accepts any chain; only for a command that shows the user which one it is.

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
    except ValueError:  # its message quotes the text in the port's place, which may be a password
        return "…"
    if parts.scheme not in ("http", "https", "ws", "wss"):
        return f"{parts.scheme}:…" if parts.scheme else "…"
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return f"{parts.scheme}://…"  # a password with / ? or # in it: host and port are its beginning
    hidden = "/…" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{parts.hostname}{port}{hidden}"


def block_parameter(at: At) -> object:
    """The block as a JSON-RPC parameter (EIP-1898 for a hash; a node that stores orphans must refuse
    them).
    """
    if isinstance(at, BlockRef):
        return {"blockHash": to_hex(at.hash), "requireCanonical": True}
    return hex(at) if isinstance(at, int) else at


def call_parameters(to: Address | None, data: bytes, sender: Address | None = None) -> dict[str, str]:
    """The transaction object of eth_call and eth_estimateGas; without ``to`` it creates a contract."""
    fields = {"to": to, "data": to_hex(data), "from": sender}
    return {key: value for key, value in fields.items() if value is not None}


def to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def from_hex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _provider(url: str, timeout_seconds: float) -> Provider:
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        # No retries inside: a retried eth_sendRawTransaction would hide "already known" from the sender.
        return BoundedHttp(
            url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=None
        )
    if scheme == "ipc":
        return _Ipc(url.removeprefix("ipc://").removeprefix("ipc:"), timeout=int(timeout_seconds))
    raise ConfigurationError(f"an RPC URL must begin with http://, https:// or ipc:, not {masked(url)}")
