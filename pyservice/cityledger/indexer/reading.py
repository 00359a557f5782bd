"""Reads ranges of blocks whose events are all there, as far as an endpoint can be held to its word."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cityledger.chain.events import LoggedEvent
from cityledger.chain.follower import Follower, Header
from cityledger.errors import ChainError, ChainUnavailableError

log = logging.getLogger(__name__)
FIRST_WIDTH = 64
LARGEST_WIDTH = 1024
"""Blocks in one transaction while catching up: bounds memory, and how long a reader's snapshot lasts."""
FEW = 4
"""So many blocks are asked one by one, by hash, so that a fork is refused rather than answered."""


@dataclass(frozen=True, slots=True)
class ReadBlock:
    header: Header
    events: list[LoggedEvent]


class RangeReader:
    """Reads closed ranges that shrink when the endpoint refuses or is too slow, and grow again."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._width = FIRST_WIDTH

    def read(self, first: int, head: int, before: bytes | None) -> list[ReadBlock]:
        """The blocks from ``first`` on, not beyond ``head``; ``before`` is the hash of the block below
        ``first``. Empty when the chain changed while it was read.

        Raises:
            ChainError: the endpoint refuses even a single block, or an event cannot be read.
            ChainUnavailableError: no endpoint answers; the next range is smaller.
        """
        while True:
            last = min(head, first + self._width - 1)
            try:
                read = self._read(first, last, before)
            except ChainError:
                if first == last:
                    raise
                self._width = max((last - first + 1) // 4, 1)
                continue
            self._width = min(self._width * 2, LARGEST_WIDTH)
            return read

    def _read(self, first: int, last: int, before: bytes | None) -> list[ReadBlock]:
        headers = self._follower.headers(first, last)
        if not _is_chain(headers, before):
            return []
        if len(headers) <= FEW:
            events = {one.block.hash: self._follower.events_of(one.block.hash) for one in headers}
        else:
            events = _by_block(self._events_between(first, last))
        # Logs of another fork than the headers': what they tell of may never have happened on this one.
        if not events.keys() <= {one.block.hash for one in headers}:
            return []
        return [ReadBlock(one, self._complete(one, events.get(one.block.hash, []))) for one in headers]

    def _events_between(self, first: int, last: int) -> list[LoggedEvent]:
        try:
            return self._follower.events_between(first, last)
        except ChainUnavailableError:
            # Perhaps too much for the time that an answer may take. Less than a refusal shrinks it: an
            # endpoint that is down now and then must not bring the range down to single blocks.
            self._width = max((last - first + 1) // 2, FEW + 1)
            raise

    def _complete(self, header: Header, events: list[LoggedEvent]) -> list[LoggedEvent]:
        """The block's events, asked again where its filter may hold more; in the end, what two say."""
        if not self._follower.may_lack(header, events):
            return events
        again = self._follower.events_of(header.block.hash)
        if not self._follower.may_lack(header, again):
            return again
        other = self._follower.events_elsewhere(header.block.hash)
        if other is None or other == again:
            return again
        self._follower.may_lack(header, other)  # refuses what the filter excludes
        fuller = max(again, other, key=len)
        if any(one not in fuller for one in (*again, *other)):
            raise ChainError(f"endpoints tell of different events in block {header.block.number}")
        log.warning("endpoint left out events block=%d", header.block.number)
        return fuller


def _is_chain(headers: Sequence[Header], before: bytes | None) -> bool:
    for one in headers:
        if before is not None and one.parent != before:
            return False
        before = one.block.hash
    return True


def _by_block(events: Sequence[LoggedEvent]) -> dict[bytes, list[LoggedEvent]]:
    found: dict[bytes, list[LoggedEvent]] = defaultdict(list)
    for one in events:
        found[one.block_hash].append(one)
    return found
