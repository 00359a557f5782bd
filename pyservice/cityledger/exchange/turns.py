"""Writes without a condition to one record, one after another."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cityledger.errors import BusyError

WAIT_SECONDS = 10.0
"""How long a caller waits; a turn takes some milliseconds."""


@dataclass(slots=True)
class _Line:
    lock: threading.Lock = field(default_factory=threading.Lock)
    length: int = 0


class Turns:
    """One caller at a time for each key, in this process; the store itself checks against other processes."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line] = {}

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[None]:
        """Waits until no other caller of ``key`` is inside.

        Raises:
            BusyError: not within ``wait_seconds``.
        """
        with self._lock:
            line = self._lines.setdefault(key, _Line())
            line.length += 1
        try:
            if not line.lock.acquire(timeout=self._wait_seconds):
                raise BusyError("other requests write the same record; try again")
            try:
                yield
            finally:
                line.lock.release()
        finally:
            with self._lock:
                line.length -= 1
                if not line.length:
                    del self._lines[key]
