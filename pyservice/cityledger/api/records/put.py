"""Receives the body of a write: one JSON or FHIR body, or a multipart body with binary parts as streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from cityledger.api.context import NodeContext
from cityledger.api.http.multipart import MULTIPART, BodyPart, read_parts
from cityledger.api.http.pace import Pace
from cityledger.api.records.fhir import read_fhir
from cityledger.api.records.idempotency import Repeatable, request_digest, write_once
from cityledger.api.records.wire import Written
from cityledger.api.strict_requests import FHIR, JSON
from cityledger.errors import FieldError, MediaTypeError, TooLargeError
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.parts.uploads import Uploading
from cityledger.exchange.permits import Permit
from cityledger.exchange.submit import Draft, verify_expected
from cityledger.profiles import registry
from cityledger.profiles.record_body import RecordBody, parse_body
from cityledger.settings import Settings

RECORD_PART = "record"
_FRAMING_BYTES = 65_536
_MOST_STREAMS = max(len(registry.get(name).binary_parts) for name in registry.names())


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The newest version that the client expects (None any, 0 none), and its request's idempotency key."""

    expected: int | None
    key: str | None


async def receive_record(
    node: NodeContext, permit: Permit, options: WriteOptions, request: Request, media_type: str
) -> Written:
    """Writes the record in the request's body; of a multipart body at most a few chunks are in memory.

    Raises: as ``submit`` and ``write_once``, and
        InputError, TooLargeError, MediaTypeError: the body is cut off, over a limit or of another form;
            nothing of it is stored.
    """
    if media_type not in MULTIPART:
        body = await request.body()
        return await run_in_threadpool(_put_body, node, permit, options, media_type, body)
    receive = partial(_put_parts, node, permit, options, request.headers.get("content-type", ""))
    settings, agency = node.settings, permit.access.session.agency
    return await node.uploads.receive(request, agency, _longest(settings), Pace.of(settings), receive)


def _put_body(
    node: NodeContext, permit: Permit, options: WriteOptions, media_type: str, body: bytes
) -> Written:
    record = _record(node, permit, media_type, body)
    draft = Draft(Content(record.subjects, record.parts), options.expected)
    return write_once(node, permit, draft, _repeatable(permit, options, body))


def _put_parts(
    node: NodeContext, permit: Permit, options: WriteOptions, content_type: str, chunks: Iterator[bytes]
) -> Written:
    if options.key is None:  # a repeat of an earlier write is late too, and gets the answer that was stored
        verify_expected(node.services, permit.target, options.expected)
    parts = read_parts(content_type, chunks)
    media_type, body = _record_part(node.settings, next(parts, None))
    record = _record(node, permit, media_type, body)
    limit = node.settings.object_limit_bytes
    with Uploading(node.services, permit, record.parts, limit_bytes=limit) as uploading:
        for part in parts:
            uploading.seal(part.name, part.chunks)
        content = Content(record.subjects, record.parts, uploads=uploading.finish())
        repeatable = _repeatable(permit, options, _said(body, uploading.digests))
        return write_once(node, permit, Draft(content, options.expected), repeatable)


def _record_part(settings: Settings, part: BodyPart | None) -> tuple[str, bytes]:
    if part is None or part.name != RECORD_PART:
        raise FieldError(RECORD_PART, "must be the first part of the body: the record as JSON")
    media_type = part.media_type or JSON
    if media_type not in (JSON, FHIR):
        raise MediaTypeError(RECORD_PART, f"must be {JSON} or {FHIR}")
    body = bytearray()
    for chunk in part.chunks:
        body += chunk
        if len(body) > settings.record_limit_bytes:
            raise TooLargeError(RECORD_PART, f"is longer than {settings.record_limit_bytes} bytes")
    return media_type, bytes(body)


def _record(node: NodeContext, permit: Permit, media_type: str, body: bytes) -> RecordBody:
    if media_type == FHIR:
        return read_fhir(node, permit, body)
    return parse_body(body, max_bytes=node.settings.record_limit_bytes)


def _repeatable(permit: Permit, options: WriteOptions, body: bytes) -> Repeatable | None:
    if options.key is None:
        return None
    return Repeatable(options.key, request_digest(permit, options.expected, body))


def _said(body: bytes, digests: dict[str, bytes]) -> bytes:
    """What makes two multipart bodies the same: their parts, not the boundary between them."""
    said = hashlib.sha256(body).digest()
    return b"multipart" + said + b"".join(name.encode() + b"\0" + digests[name] for name in sorted(digests))


def _longest(settings: Settings) -> int:
    return settings.record_limit_bytes + _MOST_STREAMS * settings.object_limit_bytes + _FRAMING_BYTES
