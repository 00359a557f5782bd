"""``cityledger record move-head``: move a record's head on chain to its newest version."""

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
    access_context,
    connected,
    dataset_named,
)
from cityledger.cli.output import JsonOption, print_fields
from cityledger.cli.record.wait import fetch_when_anchored


def move_head(
    dataset: DatasetArgument,
    record: RecordArgument,
    follows: Annotated[
        int | None,
        typer.Option(min=0, help="The version known to be the head, 0 for none.  [default: this node's own]"),
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
    """Move the head of a record on chain to its newest version. Of two versions that follow the same one only
    one can become the head; where another version is the head, the command says so and exits with code 1.

    Example: `cityledger record move-head LAND/registration/real-estate/titles title-7 --wait 90`

    Example: `cityledger record move-head LAND/registration/real-estate/titles title-7 --follows 3`
    """
    with connected(node, credentials, token) as client:
        place, context = dataset_named(client, dataset), access_context(purpose, case)
        head = fetch_when_anchored(
            lambda: client.move_head(place, record, context=context, expected_version=follows), wait
        )
    fields = {"version": head.version, "leafHash": head.leaf_hash, "block": head.block}
    print_fields({**fields, "transaction": head.transaction}, as_json=as_json)
