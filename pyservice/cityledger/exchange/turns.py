"""Writes without a condition to one record, one after another."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cityledger.errors import BusyError

WAIT_SECONDS = 10.0
"""The longest that a caller waits; a turn needs some milliseconds."""


@dataclass(slots=True)
class _Queue:
    lock: threading.Lock = field(default_factory=threading.Lock)
    length: int = 0


class Turns:
    """One caller at a time for each key, in this process; the store itself checks against other processes."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._queues: dict[Hashable, _Queue] = {}

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[None]:
        """Waits until no other caller of ``key`` is inside.

        Raises:
            BusyError: not within ``wait_seconds``.
        """
        with self._lock:
            queue = self._queues.setdefault(key, _Queue())
            queue.length += 1
        try:
            if not queue.lock.acquire(timeout=self._wait_seconds):
                raise BusyError("other requests write the same record; try again")
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            with self._lock:
                queue.length -= 1
                if not queue.length:
                    del self._queues[key]
