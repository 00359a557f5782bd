# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Files as bodies of requests."""

from __future__ import annotations

from collections.abc import Iterator

from cityledger.client.concurrency import call
from cityledger.client.uploads import Upload


def chunks_of(upload: Upload) -> Iterator[bytes]:
    """The file from its beginning, read beside the event loop."""
    call(upload.begin)
    while chunk := call(upload.next_chunk):
        yield chunk
