"""Files below a folder that others may be able to write to. No link below it is followed, not even one that
is created concurrently: each step is opened relative to the previous one. Only regular files are opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cityledger.errors import VerificationError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe without a writer would block


def open_below(root: Path, name: str) -> BinaryIO:
    """
    Raises:
        VerificationError: it, or a folder of the path, is a link or of another kind.
        OSError: it cannot be opened.
    """
    *folders, last = name.split("/")
    with _folder_below(root, folders) as folder:
        descriptor = _open(last, _FILE, folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise VerificationError(f"{last} is not a regular file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def writing_below(root: Path, name: str) -> Iterator[BinaryIO]:
    """A new private file, whose missing folders are created. It replaces the old one, durably, if the block
    ends without an error; otherwise it is removed.

    Raises:
        VerificationError: a folder of the path is a link or of another kind.
        OSError: it cannot be written.
    """
    *folders, last = name.split("/")
    temporary = f".{last}.tmp"
    with _folder_below(root, folders, makes=True) as folder:
        _unlink(temporary, folder)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, last, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        finally:
            with suppress(OSError):
                _unlink(temporary, folder)


def remove_below(root: Path, name: str, needed: Container[str]) -> None:
    """Removes the files in the folder ``name`` except those that ``needed`` names, by their paths in it.

    Raises: as ``writing_below``.
    """
    with suppress(FileNotFoundError), _folder_below(root, [name]) as top:
        for place, _, names, folder in os.fwalk(".", dir_fd=top):
            for each in names:
                if PurePosixPath(place, each).as_posix() not in needed:
                    os.unlink(each, dir_fd=folder)


@contextmanager
def _folder_below(root: Path, names: list[str], *, makes: bool = False) -> Iterator[int]:
    descriptor = os.open(root, _FOLDER)
    try:
        for name in names:
            if makes:
                _make(name, descriptor)
            inner = _open(name, _FOLDER | os.O_NOFOLLOW, descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise VerificationError(f"{name} in the backup is a link, or not a folder") from error
        raise


def _make(name: str, folder: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)


def _unlink(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
