"""The processes that work on a node's folder: one, or several that serve it from one PostgreSQL database."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cityledger.errors import ConfigurationError

LOCK_NAME = "node.lock"
RESTORING_NAME = "restoring.json"
"""Is in a folder from the first to the last step of a restore."""


@contextmanager
def sole_process(folder: Path, *, restores: bool = False, shares: bool = False) -> Iterator[None]:
    """Holds the folder's lock; the system lets go of it when the process ends, however it ends.

    ``shares``: other processes that share it as well may hold it at the same time.

    Raises:
        ConfigurationError: another process holds it, the folder cannot be written, or a restore into it was
            cut off, and this is not the restore.
    """
    with _locked(folder, fcntl.LOCK_SH if shares else fcntl.LOCK_EX):
        if not restores:
            verify_restored(folder)
        yield


def verify_restored(folder: Path) -> None:
    """For commands that run next to a serving node and rely on its database.

    Raises:
        ConfigurationError: a restore into the folder is under way, or was cut off.
    """
    if (folder / RESTORING_NAME).exists():
        raise ConfigurationError(
            f"a restore into {folder} has not ended: if none is running, run `cityledger node restore` again"
        )


def _locked(folder: Path, kind: int) -> TextIO:
    try:
        lock = (folder / LOCK_NAME).open("a")
    except OSError as error:
        raise ConfigurationError(f"{folder} is not a folder that a node can use: {error.strerror}") from error
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(f"a node is served from {folder} already; stop it first") from None
    return lock
