"""Checks whether a row of a file fits the dataset, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import InputError, TooLargeError
from cityledger.exchange.parts.validation import validate_parts
from cityledger.formats.rows import Act, Identifier, RejectedRow, Row
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.profiles.record_body import MAX_SUBJECTS
from cityledger.sealing.record_ids import record_id
from cityledger.store.index.queries import Dataset
from cityledger.types import RecordId

MAX_ROW_BYTES = 16_777_216
MAX_IDENTIFIER_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that fits. Its effect on its record is decided later."""

    row: Row
    record: RecordId


def check_row(dataset: Dataset, record_key: bytes, item: Row | RejectedRow) -> Candidate | RejectedRow:
    """The row under its record's id, or why it is refused."""
    if isinstance(item, RejectedRow):
        return item
    try:
        verify_provider_id(item.provider_id)
        _verify_size(item)
        _verify_subjects(item)
        if item.act is not Act.DELETE:
            validate_parts(dataset, item.parts)
    except InputError as error:
        return RejectedRow(item.row_no, error.field, error.reason)
    return Candidate(item, record_id(record_key, item.provider_id))


def _verify_size(row: Row) -> None:
    if sum(map(len, row.parts.values())) > MAX_ROW_BYTES:
        raise TooLargeError("parts", f"more than {MAX_ROW_BYTES} bytes in one record")


def _verify_subjects(row: Row) -> None:
    if len(row.subjects) > MAX_SUBJECTS:
        raise TooLargeError("subjects", f"more than {MAX_SUBJECTS} subjects")
    for named in row.subjects:
        if isinstance(named, Identifier):
            for text in (named.system, named.value):
                if not 1 <= len(text) <= MAX_IDENTIFIER_CHARACTERS:
                    reason = f"system and value must be 1 to {MAX_IDENTIFIER_CHARACTERS} characters long"
                    raise TooLargeError("subjects", reason)
