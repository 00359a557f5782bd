"""JSON forms of a record's head on chain and of the request that moves it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cityledger.api.http.shapes import (
    EXAMPLE_DIGEST,
    Decimal,
    Hex32,
    RequestModel,
    ResponseModel,
    Version,
    hex_of,
    with_example,
)
from cityledger.store.index.queries import Head

HEAD_EXAMPLE: dict[str, Any] = {
    "version": 1,
    "leafHash": EXAMPLE_DIGEST,
    "transaction": EXAMPLE_DIGEST,
    "block": "1204",
}


class HeadRequest(RequestModel):
    """``expectedVersion`` is the version known to be the current head, 0 for none; left out, it is whichever
    of this node's own versions is.
    """

    model_config = with_example(RequestModel, {"expectedVersion": 1})

    expected_version: Annotated[int, Field(ge=0, lt=2**32)] | None = None


class HeadView(ResponseModel):
    """The version that is the current head, whichever node of the provider moved it, and the transaction and
    block of that move.
    """

    model_config = with_example(ResponseModel, HEAD_EXAMPLE)

    version: Version
    leaf_hash: Hex32
    transaction: Hex32
    block: Decimal


def head_view(head: Head) -> HeadView:
    return HeadView(
        version=head.version,
        leaf_hash=hex_of(head.leaf_hash),
        transaction=hex_of(head.transaction),
        block=str(head.block),
    )
