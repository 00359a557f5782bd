"""Routes of one part of a record as a stream: its payload, or its ciphertext for a release."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import StreamingResponse

from cityledger.api.caller import Caller, Node
from cityledger.api.http.headers import ContextInHeaders
from cityledger.api.http.response_streams import answer_stream
from cityledger.api.http.shapes import HEX32_PATTERN, bytes_of
from cityledger.api.paths import DatasetInPath, RecordInPath, VersionInQuery, target_of
from cityledger.api.records.routes import RECORD
from cityledger.api.strict_requests import StrictRoute
from cityledger.exchange.access import Access
from cityledger.exchange.part_streams import read_ciphertext, read_part
from cityledger.types import Action

PART = RECORD + "/parts/{part}"
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

router = APIRouter(route_class=StrictRoute, tags=["records"])
PartInPath = Annotated[str, Path(alias="part", max_length=64, examples=["attachment"])]
ExactVersion = Annotated[int, Query(alias="version", ge=1, lt=2**32)]
ReceiptInQuery = Annotated[
    str, Query(alias="receipt", pattern=HEX32_PATTERN, description="One of the release's receipts")
]


@router.get(PART, response_class=StreamingResponse, responses={200: _BYTES})
def get_part(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    part: PartInPath,
    context: ContextInHeaders,
    version: VersionInQuery = None,
) -> StreamingResponse:
    """The payload of one part, exactly as it was written and in the part's media type.

    All of it is checked against the record's leaf before the first byte is sent.
    """
    target = target_of(node, dataset, name, version, [part])
    return answer_stream(read_part(node.services, Access(session, context.to(Action.READ), target)))


@router.get(PART + "/ciphertext", response_class=StreamingResponse, responses={200: _BYTES})
def get_ciphertext(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    part: PartInPath,
    context: ContextInHeaders,
    version: ExactVersion,
    receipt: ReceiptInQuery,
) -> StreamingResponse:
    """The ciphertext of a part that was too long to be included in its release.

    It is for the officer that a receipt of that release names, with the purpose and the case of the release.
    """
    target = target_of(node, dataset, name, version, [part])
    access = Access(session, context.to(Action.RELEASE), target)
    return answer_stream(read_ciphertext(node.services, access, bytes_of(receipt)))
