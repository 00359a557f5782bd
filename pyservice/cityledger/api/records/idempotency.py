"""A write that a client may safely send twice: the answer is kept in the transaction of the write itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.api.records.wire import Written, written
from cityledger.exchange.permits import Permit, request_permit
from cityledger.exchange.submit import Draft, submit
from cityledger.store.records.idempotency import find_answer, keep_answer
from cityledger.store.records.versions import StoredVersion

_REQUEST_DOMAIN = b"cityledger/v1/request\0"


@dataclass(frozen=True, slots=True)
class Repeatable:
    """An ``Idempotency-Key`` and the SHA-256 of everything that the request says; only ``stored_under`` is
    stored of that.
    """

    key: str
    request: bytes

    def stored_under(self, secret: bytes) -> bytes:
        """HMAC of the request: with a plain hash a thief of the database could test guesses of a body."""
        return hmac.digest(secret, _REQUEST_DOMAIN + self.request, "sha256")


class _AlreadyAnswered(Exception):  # noqa: N818 - undoes a concurrent duplicate's write; not an error
    def __init__(self, answer: str) -> None:
        self.answer = answer


def write_once(node: NodeContext, permit: Permit, draft: Draft, repeatable: Repeatable | None) -> Written:
    """Submits a draft, or returns the answer that the same request got before.

    Either way it is decided a second time: a write in its transaction, and a stored answer before it is
    returned, since the rules may have changed while a long body was received.

    Raises: as ``submit``, and
        IdempotencyError: the key was used with another request.
    """
    if repeatable is None:
        return written(submit(node.services, permit, draft))
    agency = permit.access.session.agency
    request = repeatable.stored_under(node.services.keys_of(permit.dataset.provider).subject_key)
    with node.services.database.reading() as connection:
        known = find_answer(connection, agency, repeatable.key, request)
    if known is not None:
        request_permit(node.services, permit.access)
        return Written.model_validate_json(known)

    def keep(connection: sa.Connection, stored: StoredVersion) -> None:
        # Two requests with one key may both have found no answer; the second to get here is undone.
        existing = find_answer(connection, agency, repeatable.key, request)
        if existing is not None:
            raise _AlreadyAnswered(existing)
        answer = written(stored).model_dump_json(by_alias=True)
        keep_answer(connection, agency, repeatable.key, request, answer, node.now())

    try:
        return written(submit(node.services, permit, draft, keep))
    except _AlreadyAnswered as duplicate:
        return Written.model_validate_json(duplicate.answer)


def request_digest(permit: Permit, expected: int | None, body: bytes) -> bytes:
    """What makes two requests the same: caller, purpose, target, condition, and every byte of the body."""
    session, intent, target = permit.access.session, permit.access.intent, permit.target
    said = [
        session.officer,
        session.system,
        intent.purpose.hex(),
        intent.case,
        intent.represents,
        target.dataset.hex(),
        target.record.hex(),
        expected,
        hashlib.sha256(body).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(said).encode()).digest()
