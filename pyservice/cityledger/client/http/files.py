"""Attachments as files: sent after their record in one multipart body, and written where the caller says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cityledger.client.answers import OpenedRecord
from cityledger.client.http.uploads import CHUNK_BYTES, Upload
from cityledger.errors import ConfigurationError
from cityledger.opening import LongPart

File = Path | BinaryIO
"""A path, or a file that is open for bytes."""
ProgressCallback = Callable[[int], None]
"""Is called with the number of bytes transferred so far."""


class RecordForm:
    """A record and its attachments as the body of one request; when it is repeated, it begins again."""

    def __init__(self, record: bytes, files: Mapping[str, Upload], boundary: str) -> None:
        self._record = record
        self._files = files
        self._boundary = boundary
        self._pieces: Iterator[bytes] = iter(())
        self.content_type = f"multipart/form-data; boundary={boundary}"

    @property
    def may_repeat(self) -> bool:
        """Whether every file can be read a second time."""
        return all(upload.may_repeat for upload in self._files.values())

    def begin(self) -> None:
        """Moves to the beginning of every file.

        Raises:
            ConflictError: one was read already and cannot be read twice.
        """
        for upload in self._files.values():
            upload.begin()
        self._pieces = self._all()

    def next_chunk(self) -> bytes:
        """The next bytes, none at the end."""
        return next(self._pieces, b"")

    def _all(self) -> Iterator[bytes]:
        yield self._head("record", "application/json") + self._record
        for name, upload in self._files.items():
            yield b"\r\n" + self._head(name, "application/octet-stream")
            while chunk := upload.next_chunk():
                yield chunk
        yield f"\r\n--{self._boundary}--\r\n".encode()

    def _head(self, name: str, media_type: str) -> bytes:
        disposition = f'Content-Disposition: form-data; name="{name}"'
        return f"--{self._boundary}\r\n{disposition}\r\nContent-Type: {media_type}\r\n\r\n".encode()


class Download:
    """A file that is received from a node and written as it arrives; when it begins again, it is
    overwritten."""

    def __init__(self, stream: BinaryIO, received: ProgressCallback | None = None) -> None:
        self._stream = stream
        self._start = stream.tell() if stream.seekable() else None
        self._received = received
        self._total = 0

    @property
    def may_repeat(self) -> bool:
        """Whether the bytes written until now can be removed."""
        return self._start is not None or self._total == 0

    def begin(self) -> None:
        """Removes what a previous attempt has written."""
        if self._start is not None:
            self._stream.seek(self._start)
            self._stream.truncate()
        self._total = 0

    def take(self, chunk: bytes) -> None:
        self._stream.write(chunk)
        self._total += len(chunk)
        if self._received is not None:
            self._received(self._total)


@contextmanager
def reading(files: Mapping[str, File], sent: ProgressCallback | None = None) -> Iterator[dict[str, Upload]]:
    """The files to send, opened where they are paths.

    Raises:
        ConfigurationError: one cannot be read.
    """
    with ExitStack() as opened:
        streams = {name: _opened(file, opened) for name, file in files.items()}
        yield {name: Upload(stream, sent) for name, stream in streams.items()}


@contextmanager
def writing(to: File) -> Iterator[BinaryIO]:
    """A stream to write to. A path is replaced once the file is complete, and not touched if that fails.

    Raises:
        ConfigurationError: it cannot be written.
    """
    if not isinstance(to, Path):
        yield to
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)
    except OSError as error:
        raise ConfigurationError(f"{to} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        Path(name).replace(to)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_payload(
    part: LongPart, ciphertext: BinaryIO, to: BinaryIO, received: ProgressCallback | None = None
) -> int:
    """The length in bytes of a payload, which is written only after its whole ciphertext was checked.

    Raises:
        SealingError, VerificationError: it is not what the record's leaf commits to; nothing was written.
    """
    part.verify(_chunks(ciphertext))
    total = 0
    for plain in part.open(_chunks(ciphertext)):
        to.write(plain)
        total += len(plain)
        if received is not None:
            received(total)
    return total


def without_files(opened: OpenedRecord, files: Mapping[str, File]) -> OpenedRecord:
    """The record without the parts that were included in the release and are now in their files."""
    for name in opened.parts.keys() & files.keys():
        with writing(files[name]) as stream:
            stream.write(opened.parts[name])
    left = {name: payload for name, payload in opened.parts.items() if name not in files}
    return replace(opened, parts=left)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _opened(file: File, opened: ExitStack) -> BinaryIO:
    if not isinstance(file, Path):
        return file
    try:
        return opened.enter_context(file.open("rb"))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
