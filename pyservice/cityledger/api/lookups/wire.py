"""JSON of lookups: finding and checking records, resolving subjects, and histories."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from cityledger.api.heads.wire import HEAD_EXAMPLE, HeadView, head_view
from cityledger.api.http.paging import write_key_cursor
from cityledger.api.http.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_PLACE,
    EXAMPLE_RECORD,
    EXAMPLE_SUBJECT,
    Decimal,
    Hex32,
    ProviderRecordId,
    RequestModel,
    ResponseModel,
    Version,
    hex_of,
    with_example,
)
from cityledger.exchange.access import Target
from cityledger.exchange.lookup import History as RecordHistory
from cityledger.exchange.lookup import VersionState
from cityledger.store.index.queries import Head
from cityledger.store.records.versions import StoredVersion

_HISTORY_ITEM: dict[str, Any] = {
    "version": 1,
    "writtenAt": 1767190000,
    "erased": False,
    "withdrawn": False,
    "state": "final",
    "isHead": True,
    **EXAMPLE_PLACE,
}


class BusinessIdentifier(RequestModel):
    """An identifier in the provider's systems; ``system`` is the kind of identifier that ``value`` is."""

    model_config = with_example(RequestModel, {"system": "urn:example:visit-number", "value": "V-2041"})

    system: Annotated[str, Field(min_length=1, max_length=256)]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class FindRequest(RequestModel):
    """Exactly one of the three: the subject of the records, the id of one record, or an identifier that the
    records carry. They are in a body, so that none of them is in a URL.
    """

    model_config = with_example(RequestModel, {"subject": EXAMPLE_SUBJECT})

    subject: Hex32 | None = None
    id: ProviderRecordId | None = None
    identifier: BusinessIdentifier | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> FindRequest:
        if [self.subject, self.id, self.identifier].count(None) != 2:
            raise ValueError("exactly one of subject, id and identifier is required")
        return self


class FoundRecord(ResponseModel):
    model_config = with_example(
        ResponseModel, {"record": EXAMPLE_RECORD, "version": 2, "writtenAt": 1767190000, **EXAMPLE_PLACE}
    )

    record: Hex32
    version: Version
    written_at: int
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class Found(ResponseModel):
    """In order of the record ids. ``next`` is for the query parameter ``after``; null at the end."""

    model_config = with_example(
        ResponseModel,
        {
            "dataset": EXAMPLE_DATASET,
            "records": [{"record": EXAMPLE_RECORD, "version": 2, "writtenAt": 1767190000, **EXAMPLE_PLACE}],
            "next": None,
        },
    )

    dataset: Hex32
    records: list[FoundRecord]
    next: str | None


class Checked(ResponseModel):
    model_config = with_example(ResponseModel, {"dataset": EXAMPLE_DATASET, "found": True})

    dataset: Hex32
    found: bool


class ResolveRequest(RequestModel):
    """``system`` is the kind of identifier that ``value`` is. Neither is stored."""

    model_config = with_example(
        RequestModel, {"dataset": EXAMPLE_DATASET, "system": "urn:example:patient-number", "value": "P-1007"}
    )

    dataset: Hex32
    system: Annotated[str, Field(min_length=1, max_length=256)]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class Resolved(ResponseModel):
    """``subject`` is null where the provider has no such person or thing."""

    model_config = with_example(ResponseModel, {"dataset": EXAMPLE_DATASET, "subject": EXAMPLE_SUBJECT})

    dataset: Hex32
    subject: Hex32 | None


class HistoryItem(ResponseModel):
    """``state`` is open, closed, signed, mined or final. A ``withdrawn`` version ended the record there.
    ``isHead`` says that this version is the record's current head on chain.
    """

    model_config = with_example(ResponseModel, _HISTORY_ITEM)

    version: Version
    written_at: int
    erased: bool
    withdrawn: bool
    state: str
    is_head: bool
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class History(ResponseModel):
    model_config = with_example(
        ResponseModel,
        {
            "dataset": EXAMPLE_DATASET,
            "record": EXAMPLE_RECORD,
            "versions": [_HISTORY_ITEM],
            "head": HEAD_EXAMPLE,
            "next": None,
        },
    )

    dataset: Hex32
    record: Hex32
    versions: list[HistoryItem]
    head: HeadView | None
    next: str | None


def found_record(stored: StoredVersion) -> FoundRecord:
    return FoundRecord(
        record=hex_of(stored.record),
        version=stored.version,
        written_at=stored.written_at,
        log=str(stored.log),
        seq=str(stored.seq),
        leaf_hash=hex_of(stored.leaf_hash),
    )


def history_view(target: Target, found: RecordHistory) -> History:
    return History(
        dataset=hex_of(target.dataset),
        record=hex_of(target.record),
        versions=[_history_item(one, found.head) for one in found.versions],
        head=None if found.head is None else head_view(found.head),
        next=None if found.after is None else write_key_cursor(found.after.to_bytes(4)),
    )


def _history_item(one: VersionState, head: Head | None) -> HistoryItem:
    return HistoryItem(
        version=one.version.version,
        written_at=one.version.written_at,
        erased=one.version.wrapped is None,
        withdrawn=one.version.withdrawn,
        state="open" if one.state is None else one.state.name.lower(),
        is_head=head is not None and head.leaf_hash == one.version.leaf_hash,
        log=str(one.version.log),
        seq=str(one.version.seq),
        leaf_hash=hex_of(one.version.leaf_hash),
    )
