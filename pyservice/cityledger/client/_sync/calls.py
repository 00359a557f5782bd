# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""The base of every group of calls: sending with a token, and reading the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from cityledger.client._sync.access import Access
from cityledger.client._sync.connection import Connection
from cityledger.client.access_context import AccessContext
from cityledger.client.answers import NodeInfo
from cityledger.client.http.messages import Answer, Request
from cityledger.client.wire import read_answer
from cityledger.errors import TokenError

T = TypeVar("T")


class Calls:
    """The base class of the groups of calls."""

    def __init__(self, connection: Connection, access: Access) -> None:
        self._connection = connection
        self._access = access

    def _open(self, request: Request) -> Answer:
        """The answer to a request that is sent without a token."""
        return self._connection.send(request)

    def _send(self, request: Request, context: AccessContext | None = None) -> Answer:
        """The answer to a request that is sent with a token; if the token was refused and can be renewed, the
        request is sent once more with a new one."""
        if context is not None:
            request = replace(request, headers={**request.headers, **context.headers()})
        token = self._access.token()
        try:
            return self._connection.send(request, token.secret)
        except TokenError:
            if not self._access.is_renewable:
                raise
        self._access.forget(token)
        return self._connection.send(request, (self._access.token()).secret)

    def _get(self, kind: type[T], path: str, params: Mapping[str, str] | None = None) -> T:
        """An answer of the directory, which needs no token."""
        return read_answer(kind, (self._open(Request("GET", path, params or {}))).json(), path)

    def _ask(self, kind: type[T], request: Request, context: AccessContext | None = None) -> T:
        return read_answer(kind, (self._send(request, context)).json(), request.shown)


def node_info(connection: Connection) -> NodeInfo:
    """The node's description of itself."""
    path = "/.well-known/cityledger"
    return read_answer(NodeInfo, (connection.send(Request("GET", path))).json(), path)
