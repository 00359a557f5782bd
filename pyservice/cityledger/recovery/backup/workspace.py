"""The private folder in which a backup copies the database: others may be able to write to its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from cityledger.errors import ConfigurationError, StorageFullError
from cityledger.recovery.backup.files import make_folders
from cityledger.store.engine.database import Database

LOCK = ".lock"
WORK_NAME = ".backup-work"
COPIES = 2
"""At its peak the copy is in its write-ahead log and in its file, so needs twice its size."""
ROOM_LEFT_BYTES = 64 << 20
"""Free space that a serving node on the same disk needs: below it, its health check fails."""
_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
_ELSEWHERE = "name a private folder on a disk with more space by --workspace"


@contextmanager
def workspace_of(folder: Path) -> Iterator[Path]:
    """A private folder in ``folder``, for one backup at a time. Its files are removed at the end, and so are
    those that a killed backup left.

    Raises:
        ConfigurationError: another backup is being made there, or another user could replace the folder.
        StorageFullError: it cannot be created or emptied.
    """
    place = folder / WORK_NAME
    make_folders(place)
    _verify_private(place)
    with locked(place):
        _empty(place)
        try:
            yield place
        finally:
            _empty(place)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """
    Raises:
        ConfigurationError: another backup holds the folder's lock.
        StorageFullError: the lock cannot be created.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise StorageFullError(f"{folder / LOCK} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError(f"another backup is being written to {folder}") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder(workspace: Path | None) -> Iterator[Path]:
    """A new folder in the workspace, or in the system's folder for temporary files if there is none.

    Raises:
        StorageFullError: it cannot be created.
    """
    try:
        made = TemporaryDirectory(prefix="backup-", dir=workspace)
    except OSError as error:
        place = workspace or tempfile.gettempdir()
        raise StorageFullError(f"{place} cannot be written: {error.strerror}; {_ELSEWHERE}") from error
    with made as name:
        yield Path(name)


def verify_room(workspace: Path | None, database: Database) -> None:
    """Checks that the copy of the database fits, before any of it is written.

    Raises:
        StorageFullError: it may not fit; states the free and the needed space.
    """
    place = workspace or Path(tempfile.gettempdir())
    with database.reading() as connection:
        size = connection.execute(sa.text(_SIZES[connection.dialect.name])).scalar_one()
    need, free = COPIES * int(size) + ROOM_LEFT_BYTES, shutil.disk_usage(place).free
    if free < need:
        raise StorageFullError(
            f"{free >> 20} MiB are free at {place}, and the copy of the database needs"
            f" {(need >> 20) + 1} MiB: {_ELSEWHERE}"
        )


def _verify_private(place: Path) -> None:
    """Refuses a folder that another user could have created, or could replace later."""
    made, around = place.lstat(), place.parent.stat()
    is_exchangeable = around.st_mode & stat.S_IWOTH and not around.st_mode & stat.S_ISVTX
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.geteuid() or is_exchangeable:
        raise ConfigurationError(
            f"{place} is a link, another user's, or in a folder to which all users can write"
        )


def _empty(place: Path) -> None:
    try:
        for path in place.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
    except OSError as error:
        raise StorageFullError(f"{place} cannot be emptied: {error.strerror}") from error
