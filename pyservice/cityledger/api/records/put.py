"""Records on their way in: as one JSON or FHIR body, or as a multipart body with binary parts as streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from cityledger.api.context import NodeContext
from cityledger.api.http.headers import Reason
from cityledger.api.http.multipart import MULTIPART, BodyPart, read_parts
from cityledger.api.http.pace import Pace
from cityledger.api.paths import target_of
from cityledger.api.records.fhir import read_fhir
from cityledger.api.records.idempotency import Repeatable, request_digest, write_once
from cityledger.api.records.wire import Written
from cityledger.api.strict_requests import FHIR, JSON
from cityledger.errors import FieldError, MediaTypeError, TooLargeError
from cityledger.exchange.parts.seal_version import Content, verify_content
from cityledger.exchange.parts.uploads import Uploading
from cityledger.exchange.services import Intent, Target
from cityledger.exchange.submit import Draft, allow, verify_expected
from cityledger.profiles import registry
from cityledger.profiles.record_body import RecordBody, parse_body
from cityledger.settings import Settings
from cityledger.store.sessions.tokens import Session
from cityledger.types import Action

RECORD_PART = "record"
_FRAMING_BYTES = 65_536
_MOST_STREAMS = max(len(registry.get(name).binary_parts) for name in registry.names())


@dataclass(frozen=True, slots=True)
class Put:
    """A request to write. ``name`` and ``dataset`` are as in the URL."""

    node: NodeContext
    session: Session
    reason: Reason
    dataset: str
    name: str
    expected: int | None
    key: str | None

    @property
    def intent(self) -> Intent:
        return self.reason.to(Action.WRITE)


async def receive_record(put: Put, request: Request, media_type: str) -> Written:
    """Writes what the request's body says; of a multipart body no more than a few chunks are ever held.

    Raises: as ``submit`` and ``write_once``, and
        InputError, TooLargeError, MediaTypeError: the body is cut off, over a limit or of another form;
            nothing of it is kept.
    """
    if media_type not in MULTIPART:
        return await run_in_threadpool(_put_body, put, media_type, await request.body())
    take = partial(_put_parts, put, request.headers.get("content-type", ""))
    return await put.node.uploads.receive(
        request, put.session.agency, _longest(put.node.settings), Pace.of(put.node.settings), take
    )


def _put_body(put: Put, media_type: str, body: bytes) -> Written:
    target = target_of(put.node, put.dataset, put.name)
    draft = Draft(target, _content(put, target, media_type, body), put.expected)
    return write_once(put.node, put.session, put.intent, draft, _repeatable(put, draft, body))


def _put_parts(put: Put, content_type: str, chunks: Iterator[bytes]) -> Written:
    node, target = put.node, target_of(put.node, put.dataset, put.name)
    # Before a byte of the body is asked for: who may not write, or comes too late, sends nothing for long.
    dataset = allow(node.services, put.session, put.intent, target).dataset
    if put.key is None:  # a repeat of what was written comes late too, and gets the answer that was kept
        verify_expected(node.services, target, put.expected)
    parts = read_parts(content_type, chunks)
    media_type, body = _record_part(node.settings, next(parts, None))
    content = _content(put, target, media_type, body)
    # What no stream could mend is told before the streams come.
    verify_content(dataset, Content(content.subjects, content.parts, expects_streams=True))
    draft = Draft(target, content, put.expected)
    uploading = Uploading(node.services, dataset, target.record, node.settings.object_limit_bytes, draft.aead)
    with uploading:
        for part in parts:
            uploading.take(part.name, part.chunks)
        draft = Draft(target, content, put.expected, draft.aead, uploading.finish())
        said = _said(body, uploading.digests)
        return write_once(node, put.session, put.intent, draft, _repeatable(put, draft, said))


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


def _content(put: Put, target: Target, media_type: str, body: bytes) -> RecordBody:
    if media_type == FHIR:
        return read_fhir(put.node, put.session, put.intent, target, body)
    return parse_body(body, max_bytes=put.node.settings.record_limit_bytes)


def _repeatable(put: Put, draft: Draft, body: bytes) -> Repeatable | None:
    if put.key is None:
        return None
    return Repeatable(put.key, request_digest(put.intent, draft, put.session, body))


def _said(body: bytes, digests: dict[str, bytes]) -> bytes:
    """What makes two multipart bodies the same: their parts, not the boundary between them."""
    said = hashlib.sha256(body).digest()
    return b"multipart" + said + b"".join(name.encode() + b"\0" + digests[name] for name in sorted(digests))


def _longest(settings: Settings) -> int:
    return settings.record_limit_bytes + _MOST_STREAMS * settings.object_limit_bytes + _FRAMING_BYTES
