"""A listening socket that stays usable, and quiet, where the process may open no more files."""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)
LOG_EVERY_SECONDS = 60.0
FILES_FOR_THE_NODE = (40, 200)
"""Least and most files of a node in addition to its clients' connections; between them a quarter of what is
allowed. A node that answers one client has 30 open (measured); each further connection to SQLite is two.
"""
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener(socket.socket):
    """asyncio logs each connection that it cannot accept with a traceback, thousands a second, and leaves
    it in the queue. Here one file is kept in reserve: it is closed, the connection accepted and closed at
    once, and the file opened again, so that the client is refused at once and the queue advances.
    """

    def __init__(self, inner: socket.socket, refused: Callable[[], None]) -> None:
        super().__init__(inner.family, inner.type, inner.proto, fileno=inner.detach())
        self._refused = refused
        self._reserve: int | None = os.open(os.devnull, os.O_RDONLY)
        self._log_after = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """
        Raises:
            BlockingIOError: no connection waits, or the one that did was refused.
        """
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _OUT_OF_FILES:
                raise
        self._refuse()
        raise BlockingIOError(errno.EAGAIN, "refused: no more files may be opened")

    def close(self) -> None:
        self._free_reserve()
        super().close()

    def _refuse(self) -> None:
        self._refused()
        if time.monotonic() >= self._log_after:
            self._log_after = time.monotonic() + LOG_EVERY_SECONDS
            log.error("connections refused: the process may open no more files; raise its limit (ulimit -n)")
        self._free_reserve()
        with suppress(OSError):
            super().accept()[0].close()
        with suppress(OSError):  # another thread took it: tried again with the next connection
            self._reserve = os.open(os.devnull, os.O_RDONLY)

    def _free_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def connection_limit(wanted: int) -> int:
    """``wanted``, or the number of files that the process may open in addition to its own."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    least, enough = FILES_FOR_THE_NODE
    most = max(1, allowed - max(least, min(allowed // 4, enough)))
    if most < wanted:
        log.warning("connections limited to %d by the limit of open files, %d", most, allowed)
    return min(wanted, most)
