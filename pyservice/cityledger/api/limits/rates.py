"""Requests a second for each key, in memory: the generic cell rate algorithm, one number a key."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

BURST_SECONDS = 2.0
"""A key that was idle may use the requests of this many seconds at once."""
MAX_KEYS = 65_536


class Rates:
    """Not thread-safe: used by the event loop only. Above ``MAX_KEYS`` the key that was charged the longest
    ago is forgotten.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_each = 1 / per_second
        self._clock = clock
        self._free_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait_seconds(self, key: Hashable) -> float:
        """Seconds until ``key`` may ask again; 0 if it may now."""
        return max(0.0, self._free_at.get(key, 0.0) - self._clock() - BURST_SECONDS)

    def charge(self, key: Hashable, requests: float = 1.0) -> None:
        """Counts requests of ``key``. A request may be counted after it was answered: what is over the limit
        by then has to be waited for all the same.
        """
        free_at = max(self._free_at.get(key, 0.0), self._clock())
        self._free_at[key] = free_at + requests * self._seconds_each
        self._free_at.move_to_end(key)
        if len(self._free_at) > MAX_KEYS:
            self._free_at.popitem(last=False)
