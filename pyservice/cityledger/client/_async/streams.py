"""Files as bodies of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cityledger.client.concurrency import async_call
from cityledger.client.uploads import Upload


async def chunks_of(upload: Upload) -> AsyncIterator[bytes]:
    """The file from its beginning, read beside the event loop."""
    await async_call(upload.begin)
    while chunk := await async_call(upload.next_chunk):
        yield chunk
