"""A value that costs a request elsewhere: requested at most now and then, with a bounded wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """``value`` is what ``ask`` last returned; None until it first did, and once it fails.

    ``ask`` runs in a thread of its own, one at a time, when the value is older than ``fresh_seconds``.
    What it raises makes the value None.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        fresh_seconds: float = 10.0,
        wait_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._fresh_seconds = fresh_seconds
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._value: T | None = None
        self._asked: float | None = None
        self._began = 0.0
        self._asking: threading.Thread | None = None

    def value(self) -> T | None:
        """At most ``wait_seconds`` after ``ask`` began."""
        with self._lock:
            is_due = self._asked is None or self._monotonic() - self._asked >= self._fresh_seconds
            if is_due and self._asking is None:
                self._began = self._monotonic()
                self._asking = threading.Thread(target=self._run, name="remembered", daemon=True)
                self._asking.start()
            asking, left = self._asking, self._began + self._wait_seconds - self._monotonic()
        if asking is not None:
            asking.join(max(left, 0.0))
            if asking.is_alive():
                return None  # a previous value would be taken for a current one
        return self._value

    def _run(self) -> None:
        try:
            value = self._ask()
        except Exception:
            self._finish(None)
        else:
            self._finish(value)

    def _finish(self, value: T | None) -> None:
        with self._lock:
            self._value, self._asked, self._asking = value, self._monotonic(), None
