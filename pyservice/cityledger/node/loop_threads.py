"""The threads of a node's loops: the one place where they are started, stopped and waited for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cityledger.node.loops import Loop
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import Leadership


class LoopThreads:
    """One thread a loop. A loop that fails ends alone: its thread reports the traceback, others continue."""

    def __init__(self, loops: Sequence[Loop], database: Database) -> None:
        self._loops = loops
        self._leaderships = {
            loop.leadership: Leadership(database, loop.leadership)
            for loop in loops
            if loop.leadership is not None
        }
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for loop in self._loops:
            thread = threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Returns when every loop has ended. Stopping twice, or before the start, does nothing."""
        self._stop.set()
        for loop in self._loops:
            loop.wake()
        for thread in self._threads:
            thread.join()

    def release(self) -> None:
        """Lets other processes lead. To be called after ``stop``."""
        for leadership in self._leaderships.values():
            leadership.close()

    def _run(self, loop: Loop) -> None:
        if loop.leadership is None:
            loop.run(self._stop, lambda: True)
        else:
            loop.run(self._stop, self._leaderships[loop.leadership].leads)
