"""A chain in memory that can reorg, with the calls of ``chain.follower.Follower``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cityledger.chain.contracts import Event
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.chain.follower import Header, Tip
from cityledger.errors import ChainError
from cityledger.types import Address, BlockRef

ADDRESS = Address("0x" + "11" * 20)


@dataclass
class _Block:
    ref: BlockRef
    parent: bytes
    events: list[LoggedEvent]


@dataclass
class MemoryChain:
    """Blocks from 0. ``final_depth`` blocks below the head are final."""

    final_depth: int = 2
    blocks: list[_Block] = field(default_factory=list)
    forks: int = 0
    waited: int = 0
    """Seconds that went by without a block; a block takes one."""

    def mine(self, *events: Event, transactions: Sequence[bytes] = ()) -> BlockRef:
        """A block with these events; ``transactions`` are their transactions' hashes, made up where left
        out.
        """
        number = len(self.blocks)
        parent = self.blocks[-1].ref.hash if self.blocks else bytes(32)
        block_hash = hashlib.sha256(parent + bytes([number % 256, self.forks])).digest()
        ref = BlockRef(number, block_hash, 1_000 + number + self.waited)
        hashes = transactions or [hashlib.sha256(block_hash).digest()] * len(events)
        logged = [
            LoggedEvent(event, ADDRESS, number, block_hash, transaction, index)
            for index, (event, transaction) in enumerate(zip(events, hashes, strict=True))
        ]
        self.blocks.append(_Block(ref, parent, logged))
        return ref

    def reorg(self, depth: int) -> None:
        """Drops the newest ``depth`` blocks; what is mined next is another fork."""
        del self.blocks[len(self.blocks) - depth :]
        self.forks += 1

    def head(self) -> BlockRef:
        return self.blocks[-1].ref

    def finalized(self) -> BlockRef:
        return self.blocks[max(0, len(self.blocks) - 1 - self.final_depth)].ref

    def block(self, number: int) -> tuple[BlockRef, bytes]:
        if number >= len(self.blocks):
            raise ChainError(f"no block {number}")
        return self.blocks[number].ref, self.blocks[number].parent

    def events_of(self, block_hash: bytes) -> list[LoggedEvent]:
        for block in self.blocks:
            if block.ref.hash == block_hash:
                return block.events
        raise ChainError("unknown block")


class MemoryFollower:
    """``Follower`` over a ``MemoryChain``."""

    def __init__(self, chain: MemoryChain) -> None:
        self.chain = chain

    def head(self, acted_on: int = 0) -> BlockRef:
        return self.chain.head()

    def tip(self, acted_on: int = 0) -> Tip:
        return Tip(self.head(acted_on), self.chain.finalized().number)

    def block(self, number: int) -> tuple[BlockRef, bytes]:
        return self.chain.block(number)

    def headers(self, first: int, last: int, head: BlockRef) -> list[Header]:
        """Empty where ``head`` was orphaned since then."""
        if head.number >= len(self.chain.blocks) or self.chain.blocks[head.number].ref != head:
            return []
        return [Header(*self.block(number), b"", b"") for number in range(first, last + 1)]

    def events(self, headers: Sequence[Header]) -> dict[bytes, list[LoggedEvent]]:
        return {one.block.hash: list(self.chain.events_of(one.block.hash)) for one in headers}

    def verify_chain(self) -> None:
        pass
