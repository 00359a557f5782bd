"""The caller of a request: the session of its access token (RFC 6750, header only)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from cityledger.api.context import NodeContext
from cityledger.errors import AuthenticationError, TokenError
from cityledger.store.sessions.standing import find_session
from cityledger.store.sessions.tokens import Session

_MAX_TOKEN_CHARACTERS = 256


async def node_of(request: Request) -> NodeContext:
    """The node whose API this application is."""
    node: NodeContext = request.app.state.node
    return node


Node = Annotated[NodeContext, Depends(node_of)]


def caller(request: Request, node: Node) -> Session:
    """The caller's session.

    Raises:
        AuthenticationError: no bearer token.
        TokenError: unknown, altered, expired, or ended with its key, epoch or officer: all have one answer.
    """
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        raise AuthenticationError("send one header Authorization: Bearer and a token of POST /v1/token")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationError("the Authorization header must be of scheme Bearer")
    session = _find(node, token.strip())
    if session is None:
        raise TokenError("the access token is unknown or has expired; sign in again")
    return session


async def accepted_caller(request: Request) -> Session:
    """The session that ``StrictRoute`` found by ``caller`` before it read a byte of the body."""
    session: Session = request.state.session
    return session


Caller = Annotated[Session, Depends(accepted_caller)]
"""A route that depends on it runs only with a valid token, and its body is read only then."""


def _find(node: NodeContext, token: str) -> Session | None:
    if not token or len(token) > _MAX_TOKEN_CHARACTERS or not token.isascii():
        return None
    with node.services.database.reading() as connection:
        return find_session(connection, token, node.now())
