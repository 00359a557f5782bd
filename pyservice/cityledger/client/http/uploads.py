"""A file that is sent to a node: read while it is sent, and from its beginning when it is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from cityledger.errors import ConflictError

CHUNK_BYTES = 262_144


class Upload:
    """``sent`` is called with the number of bytes of the file sent so far."""

    def __init__(self, stream: BinaryIO, sent: Callable[[int], None] | None = None) -> None:
        self._stream = stream
        self._start = stream.tell() if stream.seekable() else None
        self._sent = sent
        self._total = 0
        self._is_begun = False

    @property
    def may_repeat(self) -> bool:
        """Whether the file can be read a second time."""
        return self._start is not None

    def begin(self) -> None:
        """Moves to the beginning of the file.

        Raises:
            ConflictError: it was read already and cannot be read twice, such as stdin.
        """
        if self._is_begun and self._start is None:
            raise ConflictError("the file could be read only once, and must be sent again: open it again")
        if self._start is not None:
            self._stream.seek(self._start)
        self._is_begun, self._total = True, 0

    def next_chunk(self) -> bytes:
        """The next bytes, none at the end."""
        chunk = self._stream.read(CHUNK_BYTES)
        self._total += len(chunk)
        if self._sent is not None:
            self._sent(self._total)
        return chunk
