"""``cityledger record tombstone``: the two files that prove an erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.arguments import finite_duration
from cityledger.cli.client_options import (
    CaseOption,
    CredentialsOption,
    DatasetArgument,
    NodeOption,
    RecordArgument,
    TokenOption,
    WaitOption,
    access_context,
    connected,
    dataset_named,
)
from cityledger.cli.output import JsonOption, note, print_fields


def tombstone(
    dataset: DatasetArgument,
    record: RecordArgument,
    out: Annotated[Path, typer.Option(help="File to write the tombstone's proof to.")],
    erased_out: Annotated[Path, typer.Option(help="File to write the erased leaf's proof to.")],
    purpose: Annotated[str, typer.Option(help="What the record is for.")] = "OWN_DUTY",
    case: CaseOption = "",
    version: Annotated[int | None, typer.Option(min=1, help="Another than the newest version.")] = None,
    wait: WaitOption = "0",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch and check the two proof files of an erasure; as the provider.

    Example: `cityledger record tombstone HEALTH/treatment/outpatient/visits visit-12
    --out visit-12.tombstone.json --erased-out visit-12.erased.json --wait 2m`

    `cityledger verify TOMBSTONE --erased ERASED` checks both against the chain: that the leaf was anchored,
    and that its own agency erased it.
    """
    from cityledger.cli.record.wait import fetch_when_anchored
    from cityledger.proofs.leaves import Tombstone

    patience = finite_duration(wait)
    with connected(node, credentials, token) as client:
        where, context = dataset_named(client, dataset), access_context(purpose, case)
        both = fetch_when_anchored(
            lambda: client.erasure_proof(where, record, context, version=version), patience
        )
    out.write_bytes(both.tombstone.data)
    erased_out.write_bytes(both.erased.data)
    leaf = both.tombstone.proof.leaf
    assert isinstance(leaf, Tombstone)  # it erased the other file's leaf
    fields = {"erasedLeaf": leaf.erased_leaf, "reason": leaf.reason.name.lower().replace("_", "-")}
    times = {"erasedAt": leaf.erased_at, "unrecoverableAt": leaf.unrecoverable_at}
    print_fields({"log": leaf.log, "seq": leaf.seq, **fields, **times}, as_json=as_json)
    note(f"next: cityledger verify {out} --erased {erased_out} --rpc URL --manifest FILE")
