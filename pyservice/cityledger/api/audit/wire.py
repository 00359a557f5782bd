"""JSON of reads of an agency's records and reads by an agency, as far as they may be disclosed."""

from __future__ import annotations

from typing import Any

from cityledger.api.http.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_DIGEST,
    EXAMPLE_RECORD,
    AgencyNumber,
    Hex32,
    PurposeName,
    ResponseModel,
    hex_of,
    with_example,
)
from cityledger.api.records.releases import ReceiptView, receipt_view
from cityledger.exchange.audit import VisibleReceipt
from cityledger.types import purpose_name

_READ: dict[str, Any] = {
    "at": 1767190000,
    "action": "read",
    "permit": False,
    "code": None,
    "provider": 7,
    "consumer": 9,
    "officer": "dr.chen",
    "system": "ward-3",
    "represents": None,
    "caseDigest": EXAMPLE_DIGEST,
    "dataset": EXAMPLE_DATASET,
    "record": EXAMPLE_RECORD,
    "purpose": "TREATMENT",
    "whole": None,
}


class ReadView(ResponseModel):
    """One read. ``whole`` is the signed receipt; it is null where the caller's own request was denied: then
    ``code`` is the code that was disclosed to it, and null where the answer was "not found"."""

    model_config = with_example(ResponseModel, _READ)

    at: int
    action: str
    permit: bool
    code: int | None
    provider: AgencyNumber
    consumer: AgencyNumber
    officer: str
    system: str
    represents: int | None
    case_digest: Hex32
    dataset: Hex32
    record: Hex32
    purpose: PurposeName
    whole: ReceiptView | None


class Reads(ResponseModel):
    """``next`` is for the query parameter ``after``; null at the end."""

    model_config = with_example(ResponseModel, {"reads": [_READ], "next": None})

    reads: list[ReadView]
    next: str | None


def read_view(seen: VisibleReceipt) -> ReadView:
    receipt = seen.stored.receipt
    return ReadView(
        at=receipt.at,
        action=receipt.action.name.lower(),
        permit=seen.is_whole and receipt.permit,
        code=seen.code,
        provider=receipt.provider,
        consumer=receipt.consumer,
        officer=receipt.officer,
        system=receipt.system,
        represents=receipt.represents or None,
        case_digest=hex_of(receipt.case_digest),
        dataset=hex_of(receipt.dataset),
        record=hex_of(receipt.record),
        purpose=purpose_name(receipt.purpose),
        whole=receipt_view(seen.stored) if seen.is_whole else None,
    )
