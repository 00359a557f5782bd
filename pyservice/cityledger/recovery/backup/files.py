"""Private files of a backup: copied with their digest, durable on return, and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cityledger.errors import StorageFullError, VerificationError
from cityledger.recovery.backup.confined_files import open_below, writing_below
from cityledger.recovery.backup.manifest import OBJECT_LIST, BackupManifest, File, safe_name

CHUNK_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class ListedObject:
    key: str
    file: File


def write_chunks(folder: Path, name: str, chunks: Iterable[bytes]) -> File:
    """Writes a new file below ``folder`` with mode 0600; it is complete or absent, and durable on return. The
    result describes the bytes that were written, even if another process has changed the file since.

    Raises:
        StorageFullError: it cannot be written.
        VerificationError: a folder of the path is a link.
        Exception: whatever ``chunks`` raises; nothing is left of the file.
    """
    digest, length = hashlib.sha256(), 0
    try:
        with writing_below(folder, name) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                length += len(chunk)
    except OSError as error:
        raise StorageFullError(f"{name} cannot be written: {error.strerror}") from error
    return File(length, digest.hexdigest())


def make_folders(path: Path) -> None:
    """Creates a folder and its missing parents, each private and with a durable name.

    Raises:
        StorageFullError: one cannot be created.
    """
    if path.is_dir():
        return
    make_folders(path.parent)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageFullError(f"{path} cannot be made: {error.strerror}") from error


def chunks_of(path: Path) -> Iterator[bytes]:
    """The bytes of one of the node's own files.

    Raises:
        VerificationError: it cannot be read.
    """
    return _chunks(lambda: path.open("rb"), path.name)


def _chunks(open_file: Callable[[], BinaryIO], name: str) -> Iterator[bytes]:
    try:
        with open_file() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise VerificationError(f"{name} cannot be read: {error.strerror}") from error


def describe(chunks: Iterable[bytes], on_bytes: Callable[[int], None] = lambda _count: None) -> File:
    """Length and SHA-256 of the chunks; ``on_bytes`` is called with the length of each."""
    digest, length = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
        on_bytes(len(chunk))
    return File(length, digest.hexdigest())


def verified_chunks(
    folder: Path, name: str, wanted: File, on_bytes: Callable[[int], None] = lambda _count: None
) -> Iterator[bytes]:
    """The bytes of a file below ``folder``, checked as they are read, so that exactly the verified bytes are
    copied. A caller discards them if this raises, which it may do after the last. ``on_bytes`` as in
    ``describe``.

    Raises:
        VerificationError: it differs from the file of the backup, or is a link; names it.
    """
    chunks = _chunks(lambda: open_below(folder, name), name)
    return verified(chunks, wanted, f"{name} does not match the backup's manifest", on_bytes)


def verified(
    chunks: Iterable[bytes],
    wanted: File,
    message: str,
    on_bytes: Callable[[int], None] = lambda _count: None,
) -> Iterator[bytes]:
    """The same bytes, read at most to the length of ``wanted``. As ``verified_chunks``."""
    digest, length = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
        if length > wanted.bytes:
            break
        on_bytes(len(chunk))
        yield chunk
    if File(length, digest.hexdigest()) != wanted:
        raise VerificationError(message)


def verify_file(
    folder: Path, name: str, wanted: File, on_bytes: Callable[[int], None] = lambda _count: None
) -> None:
    """``on_bytes`` as in ``describe``.

    Raises: as ``verified_chunks``.
    """
    for _ in verified_chunks(folder, name, wanted, on_bytes):
        pass


def sync_folder(path: Path) -> None:
    """Makes the entries of a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def line_of(one: ListedObject) -> bytes:
    """A line of ``objects.list``: SHA-256, length, key."""
    return f"{one.file.sha256} {one.file.bytes} {one.key}\n".encode()


def list_objects(state: Path, manifest: BackupManifest) -> Iterator[ListedObject]:
    """The entries of ``objects.list`` in the folder ``state``, in its order. A caller discards them if this
    raises, which it may do after the last.

    Raises:
        VerificationError: the list has another form, or differs from that of the backup.
    """
    for line in _lines(verified_chunks(state, OBJECT_LIST, manifest.files[OBJECT_LIST])):
        try:
            sha256, length, key = line.decode().split(" ", 2)
            yield ListedObject(safe_name(key), File(int(length), sha256))
        except ValueError as error:
            raise VerificationError(f"{OBJECT_LIST} has a line of another form") from error


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
