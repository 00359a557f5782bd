"""Answers that are streams: a failure cuts them off, so that they do not look complete."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from starlette.responses import StreamingResponse

from cityledger.api.http.headers import answer_headers
from cityledger.errors import CityledgerError
from cityledger.exchange.part_streams import PartStream

log = logging.getLogger(__name__)


class StreamCutError(Exception):
    """The answer began and must not end as if it were complete. It was logged where it was raised."""


def answer_stream(stream: PartStream) -> StreamingResponse:
    """The stream with its length, so that a client which receives less notices it."""
    headers = {**answer_headers(stream.passed, stream.version), "Content-Length": str(stream.length)}
    return StreamingResponse(_cut_on_failure(stream.chunks), headers=headers, media_type=stream.media_type)


def _cut_on_failure(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except CityledgerError as error:
        log.warning("stream cut off error=%s", type(error).__name__)
        raise StreamCutError from None
