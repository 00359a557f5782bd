"""Reading blocks and our events from the chain. Pure reading: the loop, the cursor and undoing reorgs are the
indexer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cityledger.chain.artifacts import FOLLOWED_NAMES
from cityledger.chain.bloom import find_foreign, may_lack
from cityledger.chain.endpoint import Endpoint, from_hex, to_hex
from cityledger.chain.events import LoggedEvent, decode_logs
from cityledger.chain.manifest import Manifest
from cityledger.errors import ChainError
from cityledger.types import BlockRef

HEADERS_AT_ONCE = 64
"""Requests in one batch; public endpoints take 100 and more."""


@dataclass(frozen=True, slots=True)
class Header:
    """What following needs to know of a block."""

    block: BlockRef
    parent: bytes
    bloom: bytes
    """Filter over the addresses and topics of its logs."""


class Follower:
    """Reads one deployment's events, block by block."""

    def __init__(self, endpoint: Endpoint, manifest: Manifest) -> None:
        self._endpoint = endpoint
        self._addresses = [manifest.address(name) for name in FOLLOWED_NAMES]

    def head(self, acted_on: int = 0) -> BlockRef:
        """The newest block that the endpoints agree on; a reorg may still undo it.

        Raises:
            ChainUnavailableError: of several endpoints, none reaches height ``acted_on``, or they do not
                agree.
        """
        return _header(self._endpoint.head(acted_on)).block

    def finalized(self, held: BlockRef) -> BlockRef | None:
        """The newest block that the chain with ``held`` calls final. None where the endpoint that answers
        does not have ``held``: what it calls final is of another chain, or lies ahead of what it has.
        """
        asked = [("eth_getBlockByNumber", [name, False]) for name in ("finalized", hex(held.number))]
        final, same = self._endpoint.request_many(asked)  # one round trip, so both are of one endpoint
        if same is None or _header(same).block.hash != held.hash:
            return None
        return _header(self._present(final, "finalized")).block

    def block(self, number: int) -> tuple[BlockRef, bytes]:
        """The block of that number on the endpoint's present chain, and its parent's hash.

        Raises:
            ChainError: there is none yet, or no more.
        """
        held = _header(self._block(hex(number)))
        return held.block, held.parent

    def verify_chain(self) -> None:
        """Raises WrongChainError when the endpoint serves another chain id."""
        self._endpoint.verify_chain()

    def headers(self, first: int, last: int) -> list[Header]:
        """Of the closed range, in few round trips. A reorg may fall between two of them: compare parent
        hashes.

        Raises:
            ChainError: one is not there yet, or no more.
        """
        found: list[Header] = []
        for start in range(first, last + 1, HEADERS_AT_ONCE):
            numbers = range(start, min(start + HEADERS_AT_ONCE - 1, last) + 1)
            asked = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
            answered = zip(numbers, self._endpoint.request_many(asked), strict=True)
            found += [_header(self._present(held, hex(number))) for number, held in answered]
        return found

    def events_of(self, block_hash: bytes) -> list[LoggedEvent]:
        """Our contracts' events in that block, in log order.

        Raises:
            ChainError: the block is unknown here (a reorg), or holds an event that this version cannot read.
        """
        return self._events({"blockHash": to_hex(block_hash)})

    def events_between(self, first: int, last: int) -> list[LoggedEvent]:
        """Our events in the closed range, for catching up. Each names its block's hash: take only those of
        blocks that are held.

        Raises:
            ChainError: the endpoint refuses the range (then ask for a smaller one), or an event cannot be
                read.
        """
        return self._events({"fromBlock": hex(first), "toBlock": hex(last)})

    def events_elsewhere(self, block_hash: bytes) -> list[LoggedEvent] | None:
        """As ``events_of``, asked of another endpoint than the others are; None where no other is well."""
        asked = {"blockHash": to_hex(block_hash), "address": self._addresses}
        answer = self._endpoint.ask_elsewhere("eth_getLogs", asked)
        if answer is None or answer.error:
            return None
        return decode_logs(answer.result)

    def may_lack(self, header: Header, events: Sequence[LoggedEvent]) -> bool:
        """Whether the block may hold more of our events than these.

        Raises:
            ChainError: it cannot hold one of these, so headers and logs are not of one chain.
        """
        foreign = find_foreign(header.bloom, events)
        if foreign is not None:
            raise ChainError(
                f"{self._endpoint.shown_url} tells of {type(foreign.event).__name__} in block "
                f"{header.block.number}, which by its bloom filter holds none"
            )
        return may_lack(header.bloom, events, self._addresses)

    def all_events(self, first: int, last: int) -> list[LoggedEvent]:
        """As ``events_between`` for a range of any length.

        Raises:
            ChainError: the endpoint refuses even a single block, or an event cannot be read.
        """
        return decode_logs(list(self._endpoint.logs(first, last, address=self._addresses)))

    def _events(self, where: dict[str, str]) -> list[LoggedEvent]:
        logs: Sequence[dict[str, Any]] = self._endpoint.request(
            "eth_getLogs", {**where, "address": self._addresses}
        )
        return decode_logs(logs)

    def _block(self, name: str) -> dict[str, Any]:
        return self._present(self._endpoint.request("eth_getBlockByNumber", name, False), name)

    def _present(self, held: dict[str, Any] | None, name: str) -> dict[str, Any]:
        if held is None:
            raise ChainError(f"{self._endpoint.shown_url} has no block {name}")
        return held


def _header(held: dict[str, Any]) -> Header:
    try:
        block = BlockRef(int(held["number"], 16), from_hex(held["hash"]), int(held["timestamp"], 16))
        return Header(block, from_hex(held["parentHash"]), from_hex(held["logsBloom"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ChainError(f"a block that is not as JSON-RPC says ({type(error).__name__})") from error
