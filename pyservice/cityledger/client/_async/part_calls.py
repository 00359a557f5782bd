"""Calls that write parts of a record to files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from cityledger.client._async.calls import Calls
from cityledger.client.access_context import AccessContext
from cityledger.client.answers import LongPartPlace
from cityledger.client.concurrency import async_call
from cityledger.client.http.address import record_path
from cityledger.client.http.files import Download, File, ProgressCallback, write_payload, writing
from cityledger.client.http.messages import Request
from cityledger.opening import LongPart
from cityledger.types import DatasetId, RecordId


class PartCalls(Calls):
    async def get_part(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        part: str,
        context: AccessContext,
        *,
        to: File,
        version: int | None = None,
        received: ProgressCallback | None = None,
    ) -> int:
        """The length in bytes of a part's payload, after it was written to a file; the caller's own node
        opens it.

        A path is replaced once all of it has arrived. ``received`` is called with the number of bytes so far.

        Raises:
            DeniedError: the rules deny, and the cause may be disclosed; also in the middle of a long part.
            NotFoundError: the record or part does not exist, or the caller may not know of it.
        """
        path = f"{record_path(dataset, record)}/parts/{quote(part, safe='')}"
        params = {} if version is None else {"version": str(version)}
        with writing(to) as stream:
            request = Request("GET", path, params, download=Download(stream, received))
            answer = await self._send(request, context)
        return int(answer.headers.get("Content-Length", "0"))

    async def _fetch_long_part(
        self,
        part: LongPart,
        place: LongPartPlace,
        context: AccessContext,
        to: File,
        received: ProgressCallback | None,
    ) -> int:
        """Fetches the ciphertext of a released part, opens it here and writes its payload."""
        split = urlsplit(place.href)
        with tempfile.TemporaryFile() as sealed, writing(to) as stream:
            download = Download(sealed)
            request = Request("GET", split.path, dict(parse_qsl(split.query)), download=download)
            await self._send(request, context)
            return await async_call(write_payload, part, sealed, stream, received)

    async def _fetch_long_parts(
        self,
        parts: Mapping[str, LongPart],
        places: Mapping[int, LongPartPlace],
        context: AccessContext,
        files: Mapping[str, File],
        received: ProgressCallback | None,
    ) -> None:
        for name in parts.keys() & files.keys():
            part = parts[name]
            await self._fetch_long_part(part, places[part.bit], context, files[name], received)
