"""One query in three forms: the records of a subject, those of an identifier, or the record of an id."""

from __future__ import annotations

from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_key_cursor, write_key_cursor
from cityledger.api.http.shapes import bytes_of
from cityledger.api.lookups.wire import FindRequest
from cityledger.api.paths import dataset_of, target_of
from cityledger.errors import FieldError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.gate import Passed
from cityledger.exchange.lookup import FoundPage, find_by_identifier, find_by_key, find_by_subject
from cityledger.formats.rows import Identifier
from cityledger.store.sessions.tokens import Session
from cityledger.types import NO_SUBJECT, RecordId, SubjectId


def find_records(
    node: NodeContext,
    session: Session,
    intent: Intent,
    dataset_text: str,
    request: FindRequest,
    *,
    after: RecordId | None,
    limit: int,
) -> tuple[Passed | None, FoundPage]:
    """A page of the newest versions that the caller may know of; absent and hidden records give the same
    page.

    Raises: as ``find_by_subject``, ``find_by_identifier`` and ``find_by_key``, and
        FieldError: the subject is zero, the id is not one that a record may have, or an id came with
            ``after``.
    """
    dataset = dataset_of(dataset_text)
    if request.identifier is not None:
        identifier = Identifier(request.identifier.system, request.identifier.value)
        access = Access(session, intent, Target(dataset))
        return find_by_identifier(node.services, access, identifier, after=after, limit=limit)
    if request.subject is None:
        if after is not None:
            raise FieldError("after", "must be omitted: a search by id has one page")
        return _find_by_id(node, Access(session, intent, target_of(node, dataset_text, request.id or "")))
    subject = SubjectId(bytes_of(request.subject))
    if subject == NO_SUBJECT:
        raise FieldError("subject", "must not be zero, which is not a subject's id")
    access = Access(session, intent, Target(dataset, subject=subject))
    return find_by_subject(node.services, access, after=after, limit=limit)


def is_any_found(
    node: NodeContext, session: Session, intent: Intent, dataset_text: str, request: FindRequest
) -> tuple[Passed | None, bool]:
    """Whether such a record exists; the search ends at the first.

    Raises: as ``find_records``.
    """
    after: RecordId | None = None
    while True:
        passed, page = find_records(node, session, intent, dataset_text, request, after=after, limit=1)
        # A page without a record has a next one only if its record was hidden or erased since it was read.
        if page.versions or page.after is None:
            return passed, bool(page.versions)
        after = page.after


def read_record_cursor(text: str | None) -> RecordId | None:
    """The record at which a page ended; None is the beginning.

    Raises:
        FieldError: not a cursor of this node.
    """
    key = read_key_cursor(text, 32)
    return None if key is None else RecordId(key)


def write_record_cursor(after: RecordId | None) -> str | None:
    return None if after is None else write_key_cursor(after)


def _find_by_id(node: NodeContext, access: Access) -> tuple[Passed | None, FoundPage]:
    found = find_by_key(node.services, access)
    return (None, FoundPage((), None)) if found is None else (found[0], FoundPage((found[1],), None))
