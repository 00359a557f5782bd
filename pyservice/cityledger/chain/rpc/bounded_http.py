"""JSON-RPC over HTTP, bounded in time and size: the library's timeout restarts with each byte, and it
keeps whatever arrives.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from urllib3.exceptions import HTTPError
from web3 import HTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager

ANSWER_LIMIT_BYTES = 64 * 2**20
_PIECE_BYTES = 64 * 2**10


class BoundedHttp(HTTPProvider):
    """web3's provider; an answer whose body takes longer than the timeout in all, or more than
    ``ANSWER_LIMIT_BYTES``, is an error of the transport.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._request_session_manager = _BoundedSessions()


class _BoundedSessions(HTTPSessionManager):
    def make_post_request(self, endpoint_uri: Any, data: Any, **kwargs: Any) -> bytes:
        deadline = time.monotonic() + kwargs["timeout"]
        options = {**kwargs, "stream": True}
        with self.get_response_from_post_request(endpoint_uri, data=data, **options) as response:
            response.raise_for_status()
            try:
                return _read(response, deadline)
            except HTTPError as error:
                raise requests.ConnectionError(type(error).__name__) from None


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    # read1: the piece that has arrived, where read would wait for a whole one.
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        body += piece
        if len(body) > ANSWER_LIMIT_BYTES:
            raise requests.ConnectionError("an answer that is too long")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("an answer that takes too long")
    return bytes(body)
