"""Stored bytes that are not those that were written: noticed by reads, and reported to the operator once each
time, by log number and without identities.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cityledger.errors import SealingError, VerificationError
from cityledger.types import LogId

log = logging.getLogger(__name__)


class Alterations:
    """The alterations that the reads of one process found since it started. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last: tuple[LogId, int] | None = None

    def note(self, log_id: LogId, seq: int) -> None:
        """Records that a read found altered bytes of the leaf at this place."""
        with self._lock:
            self._count, self._last = self._count + 1, (log_id, seq)
        log.error("stored bytes altered log=%d seq=%d", log_id, seq)

    @property
    def met(self) -> tuple[int, tuple[LogId, int] | None]:
        """How many reads, and the place of the last."""
        with self._lock:
            return self._count, self._last


@contextmanager
def reporting_alterations(alterations: Alterations, log_id: LogId, seq: int) -> Iterator[None]:
    """Notes an alteration of what belongs to the leaf at this place, and raises it further."""
    try:
        yield
    except (SealingError, VerificationError):
        alterations.note(log_id, seq)
        raise
