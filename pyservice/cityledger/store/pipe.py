"""Passes chunks from the thread that produces them to the one that writes them, a few at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator


class Pipe:
    """One thread fills it, one other iterates over it. At most ``limit`` chunks wait between them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._is_complete = False
        self._is_broken = False
        self.total = 0
        """Bytes filled in so far."""

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Passes on every chunk; stops early once the other side is closed.

        Raises:
            Exception: whatever ``chunks`` raises; the other side then fails too.
        """
        try:
            for chunk in chunks:
                if not self._hand_over(chunk):
                    return
            self._end(complete=True)
        finally:
            self._end(complete=False)

    def close(self) -> None:
        """Ends the iterating side, which needs no more chunks; safe at any time."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._next()) is not None:
            yield chunk

    def _hand_over(self, chunk: bytes) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < self._limit)
            if self._is_closed:
                return False
            self._waiting.append(chunk)
            self.total += len(chunk)
            self._changed.notify_all()
        return True

    def _end(self, *, complete: bool) -> None:
        with self._changed:
            self._is_complete |= complete
            self._is_broken = not self._is_complete
            self._changed.notify_all()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_complete or self._is_broken)
            if self._is_broken:
                # The chunks are incomplete; the writer must not store them as the whole.
                raise BrokenPipeError("the source of the chunks failed")
            chunk = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return chunk


def in_thread(work: Callable[[], None]) -> Callable[[], BaseException | None]:
    """Begins ``work`` in a thread; the result waits for its end and returns what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # returned to the thread that waits
            raised.append(error)

    thread = threading.Thread(target=run, name="object", daemon=True)
    thread.start()

    def ended() -> BaseException | None:
        thread.join()
        return raised[0] if raised else None

    return ended
