"""Reads ranges of blocks with their events, of a width that the endpoint accepts."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.chain.follower import Follower, Header
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.types import BlockRef

FIRST_WIDTH = 64
LARGEST_WIDTH = 1024
"""Blocks in one transaction while catching up: bounds memory, and how long a reader's snapshot lasts."""
SMALLEST_WIDTH = 5
"""Occasional failures of an endpoint must not reduce the range to single blocks."""


@dataclass(frozen=True, slots=True)
class ReadBlock:
    header: Header
    events: list[LoggedEvent]


class RangeReader:
    """Reads closed ranges that shrink when the endpoint refuses or is too slow, and grow again."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._width = FIRST_WIDTH

    def read(self, first: int, head: BlockRef, before: bytes | None) -> list[ReadBlock]:
        """The blocks from ``first`` on, not beyond ``head``; ``before`` is the hash of the block below
        ``first``. Empty when the chain changed while it was read, or does not hold ``before``.

        Raises:
            ChainError: the endpoint refuses even a single block, or an event cannot be read.
            ChainUnavailableError: no endpoint answers, or they disagree; the next range is smaller.
        """
        while True:
            last = min(head.number, first + self._width - 1)
            try:
                read = self._read(first, last, head, before)
            except ChainError:
                if first == last:
                    raise
                self._width = max((last - first + 1) // 4, 1)
                continue
            self._width = min(self._width * 2, LARGEST_WIDTH)
            return read

    def _read(self, first: int, last: int, head: BlockRef, before: bytes | None) -> list[ReadBlock]:
        headers = self._follower.headers(first, last, head)
        if not headers or before not in (None, headers[0].parent):
            return []
        try:
            events = self._follower.events(headers)
        except ChainUnavailableError:
            # Perhaps more than the timeout of an answer allows. A refusal shrinks it further.
            self._width = max((last - first + 1) // 2, SMALLEST_WIDTH)
            raise
        return [ReadBlock(one, events.get(one.block.hash, [])) for one in headers]
