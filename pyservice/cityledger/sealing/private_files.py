"""Files that only their owner may read, written atomically."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Creates ``path`` and its missing parents, each with mode 0700; existing folders keep their mode.
    (``Path.mkdir`` gives its mode only to the last one.)
    """
    for missing in reversed([one for one in (path, *path.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Creates ``path`` empty with mode 0600 if it is missing, for a program that would make it readable."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


@contextmanager
def private_by_default() -> Iterator[None]:
    """Makes all files that this process creates from now on private to its user, also those of libraries."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def write_private_file(path: Path, data: bytes) -> None:
    """Writes ``path`` with mode 0600 so that a crash leaves either the old file or the new one.

    A crash before the rename leaves a file whose name begins with a dot; readers ignore it and the next
    write reuses it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        # Without this the rename may reach the disk before the bytes, and a power failure would leave an
        # empty key file.
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
