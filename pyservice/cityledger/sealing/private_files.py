"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Create ``path`` and those of its parents that are missing, each with mode 0700; what exists is left as
    it is. (``Path.mkdir`` gives its mode to the last one alone.)
    """
    for missing in reversed([one for one in (path, *path.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Create ``path`` empty with mode 0600 where it is missing, for a program that would make it readable."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


@contextmanager
def private_by_default() -> Iterator[None]:
    """All files that this process creates until it ends are private to its user, also those of libraries."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def write_private_file(path: Path, data: bytes) -> None:
    """Write ``path`` with mode 0600 so that a crash leaves either the old file or the new one.

    A crash before the rename leaves a file whose name begins with a dot; readers skip those and the next
    write reuses it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        # Without this the rename may reach the disk before the bytes, and a power cut would leave an empty
        # key file.
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
