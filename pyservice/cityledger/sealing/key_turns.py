"""Locks on a keyring's directory: one for the process that changes its keys, one for those that need all of
them."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cityledger.errors import ConfigurationError, KeyringError

_CHANGING, _IN_USE = ".changing", ".in-use"
_RETRY_SECONDS = 0.05
"""Interval of attempts, because a file lock has no wait with a time limit."""


@contextmanager
def changing_keys(keyring: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """Makes this process the only one that changes entries; the system releases the lock however it ends.

    Raises:
        ConfigurationError: another process changes them, and did not end within ``wait_seconds``.
    """
    message = "another command is changing keys of this keyring"
    with _locked(keyring / _CHANGING, fcntl.LOCK_EX, message, wait_seconds):
        yield


@contextmanager
def using_all_keys(keyring: Path) -> Iterator[None]:
    """Prevents, for backups and scrubs, that a key is dropped which rows read earlier still need.

    Raises:
        ConfigurationError: a key is being dropped now.
    """
    with _locked(keyring / _IN_USE, fcntl.LOCK_SH, "a key is being dropped; run this again"):
        yield


@contextmanager
def dropping_keys(keyring: Path) -> Iterator[None]:
    """
    Raises:
        ConfigurationError: a backup or a scrub needs the keys.
    """
    message = "a backup or a scrub of this node needs the old key; run this again when it has ended"
    with _locked(keyring / _IN_USE, fcntl.LOCK_EX, message):
        yield


@contextmanager
def _locked(file: Path, kind: int, message: str, wait_seconds: float = 0) -> Iterator[None]:
    try:
        lock = file.open("a")
    except OSError as error:
        raise KeyringError(f"{file.parent} cannot be locked: {error.strerror}") from error
    with lock:
        until = time.monotonic() + wait_seconds
        while not _is_locked(lock, kind):
            if time.monotonic() >= until:
                raise ConfigurationError(message)
            time.sleep(_RETRY_SECONDS)  # flock has no time limit, and no event for a release
        yield


def _is_locked(lock: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
