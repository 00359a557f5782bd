# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Files as bodies of requests and of answers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from cityledger.client.concurrency import call
from cityledger.client.http.files import Download, RecordForm
from cityledger.client.http.uploads import CHUNK_BYTES, Upload


def chunks_of(upload: Upload | RecordForm) -> Iterator[bytes]:
    """The file from its beginning, read outside the event loop."""
    call(upload.begin)
    while chunk := call(upload.next_chunk):
        yield chunk


def keep(response: httpx.Response, download: Download) -> None:
    """Writes the body of an answer to its file as it arrives, outside the event loop."""
    call(download.begin)
    for chunk in response.iter_bytes(CHUNK_BYTES):
        call(download.take, chunk)
