"""One question in three forms: the records of a subject, of an identifier, or the record of an id."""

from __future__ import annotations

from cityledger.api.context import NodeContext
from cityledger.api.places import dataset_of, target_of
from cityledger.api.wire.lookups import Sought
from cityledger.api.wire.shapes import bytes_of
from cityledger.errors import FieldError
from cityledger.exchange.gate import Passed
from cityledger.exchange.identifier_lookup import find_by_identifier
from cityledger.exchange.lookup import find_by_key, find_by_subject
from cityledger.exchange.services import Intent
from cityledger.store.records import StoredVersion
from cityledger.store.tokens import Session
from cityledger.types import NO_SUBJECT, SubjectId


def find_records(
    node: NodeContext, session: Session, intent: Intent, dataset_text: str, asked: Sought
) -> tuple[Passed | None, list[StoredVersion]]:
    """The newest versions that the caller may know of; none and hidden look the same.

    Raises: as ``find_by_subject``, ``find_by_identifier`` and ``find_by_key``, and
        FieldError: the subject is zero, or the id is not one that a record may have.
    """
    if asked.identifier is not None:
        system, value = asked.identifier.system, asked.identifier.value
        dataset = dataset_of(dataset_text)
        return find_by_identifier(node.services, session, intent, dataset, system, value)
    if asked.subject is None:
        target = target_of(node, dataset_text, asked.id or "")
        found = find_by_key(node.services, session, intent, target)
        return (None, []) if found is None else (found[0], [found[1]])
    subject = SubjectId(bytes_of(asked.subject))
    if subject == NO_SUBJECT:
        raise FieldError("subject", "zero names no subject")
    return find_by_subject(node.services, session, intent, dataset_of(dataset_text), subject)
