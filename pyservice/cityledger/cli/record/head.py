"""``cityledger record land``: say on chain which version of a record counts."""

from __future__ import annotations

from typing import Annotated

import typer

from cityledger.cli.client_options import (
    CaseOption,
    CredentialsOption,
    DatasetArgument,
    NodeOption,
    PurposeOption,
    RecordArgument,
    TokenOption,
    connected,
    dataset_named,
    stated,
)
from cityledger.cli.output import JsonOption, print_fields
from cityledger.cli.record.wait import fetch_when_anchored


def land(
    dataset: DatasetArgument,
    record: RecordArgument,
    follows: Annotated[
        int | None,
        typer.Option(min=0, help="The version known to have landed, 0 for none.  [default: this node's own]"),
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for the version's batch, if it is not mined yet.")
    ] = 0,
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Land the newest version of a record: its head on chain then points to it. Of two versions that follow
    the same one only one can land; where another has landed, this says so and ends with code 1.

    Example: `cityledger record land LAND/registration/real-estate/titles title-7 --wait 90`

    Example: `cityledger record land LAND/registration/real-estate/titles title-7 --follows 3`
    """
    with connected(node, credentials, token) as client:
        place, reason = dataset_named(client, dataset), stated(purpose, case)
        landed = fetch_when_anchored(
            lambda: client.move_head(place, record, reason=reason, expected_version=follows), wait
        )
    fields = {"version": landed.version, "leafHash": landed.leaf_hash, "block": landed.block}
    print_fields({**fields, "transaction": landed.transaction}, as_json=as_json)
