"""Files as bodies of requests and of answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from cityledger.client.concurrency import async_call
from cityledger.client.http.files import Download, RecordForm
from cityledger.client.http.uploads import CHUNK_BYTES, Upload


async def chunks_of(upload: Upload | RecordForm) -> AsyncIterator[bytes]:
    """The file from its beginning, read outside the event loop."""
    await async_call(upload.begin)
    while chunk := await async_call(upload.next_chunk):
        yield chunk


async def keep(response: httpx.Response, download: Download) -> None:
    """Writes the body of an answer to its file as it arrives, outside the event loop."""
    await async_call(download.begin)
    async for chunk in response.aiter_bytes(CHUNK_BYTES):
        await async_call(download.take, chunk)
