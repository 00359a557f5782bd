"""Landing a version: what is asked, and what is told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cityledger.api.http.shapes import (
    EXAMPLE_DIGEST,
    Asked,
    Decimal,
    Hex32,
    Told,
    Version,
    hex_of,
    with_example,
)
from cityledger.exchange import heads


class AskLanding(Asked):
    """``expectedVersion`` is the version known to have landed, 0 for none; left out, it is whichever of this
    node's own versions has.
    """

    model_config = with_example(Asked, {"expectedVersion": 1})

    expected_version: Annotated[int, Field(ge=0, lt=2**32)] | None = None


class Landed(Told):
    """The version that the head now points to, and where the chain took the move."""

    model_config = with_example(
        Told,
        {"version": 2, "leafHash": EXAMPLE_DIGEST, "transaction": EXAMPLE_DIGEST, "block": "1204"},
    )

    version: Version
    leaf_hash: Hex32
    transaction: Hex32
    block: Decimal


def landed_view(landed: heads.Landed) -> Landed:
    return Landed(
        version=landed.version.version,
        leaf_hash=hex_of(landed.version.leaf_hash),
        transaction=hex_of(landed.transaction),
        block=str(landed.block),
    )
