"""A write that a client may safely send twice: the answer is kept in the transaction of the write itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.api.records.wire import Written, written
from cityledger.exchange.services import Intent
from cityledger.exchange.submit import Draft, allow, submit
from cityledger.store.records.idempotency import find_answer, keep_answer
from cityledger.store.records.versions import StoredVersion
from cityledger.store.sessions.tokens import Session

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


class _AnsweredMeanwhile(Exception):  # noqa: N818 - undoes a twin's write; not an error
    def __init__(self, answer: str) -> None:
        self.answer = answer


def write_once(
    node: NodeContext, session: Session, intent: Intent, draft: Draft, repeatable: Repeatable | None
) -> Written:
    """Submits a draft, or gives the answer that the same request got before.

    Raises: as ``submit``, and
        IdempotencyError: the key was used with another request.
    """
    if repeatable is None:
        return written(submit(node.services, session, intent, draft))
    ruling = allow(node.services, session, intent, draft.target)  # an old answer is no right to hear it again
    request = repeatable.stored_under(node.services.keys_of(ruling.dataset.provider).subject_key)
    with node.services.database.reading() as connection:
        known = find_answer(connection, session.agency, repeatable.key, request)
    if known is not None:
        return Written.model_validate_json(known)

    def keep(connection: sa.Connection, stored: StoredVersion) -> None:
        # Two requests with one key may both have seen no answer; the second to get here is undone.
        twin = find_answer(connection, session.agency, repeatable.key, request)
        if twin is not None:
            raise _AnsweredMeanwhile(twin)
        answer = written(stored).model_dump_json(by_alias=True)
        keep_answer(connection, session.agency, repeatable.key, request, answer, node.now())

    try:
        return written(submit(node.services, session, intent, draft, keep))
    except _AnsweredMeanwhile as twin:
        return Written.model_validate_json(twin.answer)


def request_digest(intent: Intent, draft: Draft, session: Session, body: bytes) -> bytes:
    """What makes two requests the same: who, why, where, on which condition, and every byte of the body."""
    said = [
        session.officer,
        session.system,
        intent.purpose.hex(),
        intent.case,
        intent.represents,
        draft.target.dataset.hex(),
        draft.target.record.hex(),
        draft.expected,
        hashlib.sha256(body).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(said).encode()).digest()
