"""Bytes of request bodies that are in memory at a time: in total, and for each holder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from cityledger.errors import BusyError


class BodyMemory:
    """Not thread-safe: used by the event loop only."""

    def __init__(self, total_bytes: int, each_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._each_bytes = each_bytes
        self._total = 0
        self._each: Counter[Hashable] = Counter()

    @property
    def used_bytes(self) -> int:
        return self._total

    @contextmanager
    def share(self, holder: Hashable) -> Iterator[BodyShare]:
        """The bytes of one body; they count until the ``with`` block ends."""
        share = BodyShare(self, holder)
        try:
            yield share
        finally:
            self._give_back(holder, share.used_bytes)

    def _take(self, holder: Hashable, count: int) -> None:
        if self._total + count > self._total_bytes:
            raise BusyError("the bodies of other requests fill the memory for them; try again")
        if self._each[holder] + count > self._each_bytes:
            raise BusyError("your other requests fill your share of the memory for bodies; try again")
        self._total += count
        self._each[holder] += count

    def _give_back(self, holder: Hashable, count: int) -> None:
        self._total -= count
        self._each[holder] -= count
        if self._each[holder] <= 0:
            del self._each[holder]


class BodyShare:
    """What one body uses."""

    def __init__(self, memory: BodyMemory, holder: Hashable) -> None:
        self._memory = memory
        self._holder = holder
        self.used_bytes = 0

    def add(self, count: int) -> None:
        """
        Raises:
            BusyError: that would be more than the limits allow; nothing was added.
        """
        self._memory._take(self._holder, count)
        self.used_bytes += count
