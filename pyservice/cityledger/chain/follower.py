"""Reading blocks and our events from the chain. Pure reading: the loop, the cursor and undoing reorgs are the
indexer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cityledger.chain.artifacts import FOLLOWED_NAMES
from cityledger.chain.endpoint import Endpoint, from_hex, to_hex
from cityledger.chain.events import LoggedEvent, decode_logs
from cityledger.chain.manifest import Manifest
from cityledger.errors import ChainError
from cityledger.types import BlockRef


class Follower:
    """Reads one deployment's events, block by block."""

    def __init__(self, endpoint: Endpoint, manifest: Manifest) -> None:
        self._endpoint = endpoint
        self._addresses = [manifest.address(name) for name in FOLLOWED_NAMES]

    def head(self) -> BlockRef:
        """The newest block, which a reorg may still undo."""
        return _reference(self._block("latest"))

    def finalized(self) -> BlockRef:
        """The newest block that the chain calls final."""
        return _reference(self._block("finalized"))

    def block(self, number: int) -> tuple[BlockRef, bytes]:
        """The block of that number on the endpoint's present chain, and its parent's hash.

        Raises:
            ChainError: there is none yet, or no more.
        """
        held = self._block(hex(number))
        return _reference(held), from_hex(held["parentHash"])

    def blocks(self, first: int, last: int) -> list[tuple[BlockRef, bytes]]:
        """As ``block`` for the closed range, in one round trip. A reorg may fall between two of them: compare
        parent hashes.
        """
        asked = [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last + 1)]
        held = [
            self._present(block, hex(number))
            for number, block in enumerate(self._endpoint.request_many(asked), first)
        ]
        return [(_reference(block), from_hex(block["parentHash"])) for block in held]

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


def _reference(held: dict[str, Any]) -> BlockRef:
    return BlockRef(int(held["number"], 16), from_hex(held["hash"]), int(held["timestamp"], 16))
