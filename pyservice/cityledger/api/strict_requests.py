"""The checks of a request before its route runs: query parameters, media type, token, size, JSON.

All routes have one route class, so that none can lack a check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from email.message import Message
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from cityledger import strict_json
from cityledger.api.caller import accepted_caller, caller
from cityledger.api.http.multipart import MULTIPART
from cityledger.api.http.pace import Pace, paced
from cityledger.api.http.request_streams import verify_declared_length
from cityledger.api.limits.admission import Limits, address_of, caller_key
from cityledger.api.limits.body_memory import BodyShare
from cityledger.errors import (
    BusyError,
    FieldError,
    InputError,
    MediaTypeError,
    StalledBodyError,
    TooLargeError,
)
from cityledger.settings import Settings

JSON = "application/json"
FHIR = "application/fhir+json"
MAX_JSON_VALUES = 256
"""Members and items of a JSON body, at all depths; records are limited by their profiles instead."""

Handler = Callable[[Request], Awaitable[Response]]


class StrictRoute(APIRoute):
    """Checks the request in this order: URL, query, media type, token, size, JSON. Nothing is parsed twice,
    and no byte of a body is read for a caller whose token was not accepted.
    """

    streamed: frozenset[str] = frozenset()
    """Media types whose bodies the route reads as streams, as it does with all of them without
    ``reads_body``."""
    reads_body = True
    """Whether the body is read before the route runs; otherwise the route reads it as a stream."""
    encodings: frozenset[str] = frozenset()
    """The accepted values of ``Content-Encoding``."""

    def body_limit_bytes(self, settings: Settings) -> int:
        """The longest body that this route accepts, in bytes."""
        return settings.body_limit_bytes

    async def authenticate(self, request: Request) -> None:
        """Checks the caller by the headers, before the body is read.

        Raises:
            AuthenticationError: the route needs a token, and this one is not valid.
            TooManyRequestsError: the caller sends more requests than a credential may.
        """
        if self._needs_caller:
            session = await run_in_threadpool(caller, request, request.app.state.node)
            request.state.session = session
            request.app.state.limits.admit_caller(session)

    def get_route_handler(self) -> Any:
        handle: Handler = super().get_route_handler()
        self._needs_caller = accepted_caller in _calls(self.dependant)
        known = _query_names(self.dependant)
        taken = _media_types(self)

        async def strict(request: Request) -> Response:
            _verify_encoding(request)
            _verify_query(request, known)
            if taken:
                request.state.media_type = _verify_media_type(request, taken, self.encodings)
            await self.authenticate(request)
            if not taken or not self.reads_body or request.state.media_type in self.streamed:
                return await _counted(handle, request)
            limits: Limits = request.app.state.limits
            # Until the answer exists: the body is in memory twice, as bytes and parsed.
            with limits.bodies.share(_holder(request)) as share:
                await self._read_body(request, limits, share)
                return await handle(request)

        return strict

    async def _read_body(self, request: Request, limits: Limits, share: BodyShare) -> None:
        limit = self.body_limit_bytes(request.app.state.node.settings)
        try:
            body = await _read_within(request, limit, limits.pace, share)
        except StalledBodyError:
            limits.instruments.refused("body-time")
            raise
        except BusyError:
            limits.instruments.refused("body-memory")
            raise
        request._body = body
        if request.state.media_type == JSON and self.body_field:
            # FastAPI calls request.json(), which returns this value: the lenient parser never runs.
            # In a thread: a long body must not hold up other requests.
            request._json = await run_in_threadpool(_parse_small, body)


async def _counted(handle: Handler, request: Request) -> Response:
    """Answers a request whose body, if it has one, is read as a stream; counts the limits that it reaches."""
    limits: Limits = request.app.state.limits
    try:
        return await handle(request)
    except StalledBodyError:
        limits.instruments.refused("body-time")
        raise
    except BusyError:
        limits.instruments.refused("long-bodies")
        raise


class FileRoute(StrictRoute):
    """A route whose body is a file, read as a stream; gzip is recognised by its content."""

    reads_body = False
    encodings = frozenset({"gzip"})


class RecordRoute(StrictRoute):
    """A route whose body is a whole record; with binary parts it is read as a stream."""

    streamed = MULTIPART

    def body_limit_bytes(self, settings: Settings) -> int:
        return settings.record_limit_bytes


async def body_type(request: Request) -> str:
    """The media type of a body that ``StrictRoute`` has accepted."""
    media_type: str = request.state.media_type
    return media_type


async def raw_body(request: Request) -> bytes:
    """The bytes of a body that ``StrictRoute`` has accepted."""
    return await request.body()


BodyType = Annotated[str, Depends(body_type)]


def _calls(dependant: Dependant) -> set[Any]:
    return {dependant.call}.union(*(_calls(inner) for inner in dependant.dependencies))


def _query_names(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_query_names(inner) for inner in dependant.dependencies))


def _media_types(route: APIRoute) -> set[str]:
    declared = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return set(declared) or ({JSON} if route.body_field else set())


def _verify_encoding(request: Request) -> None:
    """Rejects bytes that are not UTF-8: all would become U+FFFD, and two ids the same."""
    path = request.scope.get("raw_path") or b""
    for name, raw in (("path", path), ("query", request.scope.get("query_string") or b"")):
        try:
            unquote_to_bytes(raw).decode("utf-8")
        except UnicodeDecodeError:
            raise InputError("", f"the {name} is not UTF-8") from None


def _verify_query(request: Request, known: set[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise FieldError(name[:64], "is not a query parameter of this path")
        if name in seen:
            raise FieldError(name, "this query parameter is given more than once")
        seen.add(name)


def _verify_media_type(request: Request, taken: set[str], encodings: frozenset[str]) -> str:
    if not encodings.issuperset(one.lower() for one in request.headers.getlist("content-encoding")):
        raise MediaTypeError("Content-Encoding", "is not supported here; send the plain bytes")
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    media_type = message.get_content_type()
    charset = message.get_param("charset", "utf-8")
    if media_type not in taken or str(charset).lower() != "utf-8":
        raise MediaTypeError("Content-Type", f"must be {' or '.join(sorted(taken))} in UTF-8")
    return media_type


def _parse_small(body: bytes) -> strict_json.Json:
    """The JSON body of a route with few members.

    Raises:
        FieldError: more values than any model has, each of which could add an error to the answer.
    """
    value = strict_json.parse(body, max_bytes=len(body))
    if _count_values(value) > MAX_JSON_VALUES:
        raise FieldError("", f"the body has more than {MAX_JSON_VALUES} members and items")
    return value


def _count_values(value: strict_json.Json) -> int:
    count, waiting = 0, [value]
    while waiting and count <= MAX_JSON_VALUES:
        match waiting.pop():
            case dict() as members:
                count += len(members)
                waiting += members.values()
            case list() as items:
                count += len(items)
                waiting += items
    return count


def _holder(request: Request) -> Hashable:
    session = getattr(request.state, "session", None)
    return address_of(request.scope) if session is None else caller_key(session)


async def _read_within(request: Request, limit: int, pace: Pace, share: BodyShare) -> bytes:
    """The body; reading ends as soon as it exceeds a limit or arrives too slowly."""
    verify_declared_length(request, limit)
    body = bytearray()
    async for chunk in paced(request.stream(), pace):
        share.add(len(chunk))
        body += chunk
        if len(body) > limit:
            raise TooLargeError("", f"the body is longer than {limit} bytes")
    return bytes(body)
