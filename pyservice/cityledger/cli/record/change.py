"""``cityledger record restrict``, ``withdraw`` and ``erase``."""

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
from cityledger.cli.output import JsonOption, note, print_fields, print_rows


def restrict(
    dataset: DatasetArgument,
    record: RecordArgument,
    consumer: Annotated[
        int | None, typer.Option(min=1, help="Only for the agency of this number.  [default: for all]")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Take the restriction back.")] = False,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restrict a record for one agency or for all; as a steward whose account the node holds.

    Example: `cityledger record restrict HEALTH/treatment/outpatient/visits visit-12 --consumer 9`
    """
    from cityledger.types import AgencyId

    whom = None if consumer is None else AgencyId(consumer)
    with connected(node, credentials, token) as client:
        mined = client.restrict(dataset_named(client, dataset), record, consumer=whom, restricted=not lift)
    print_fields({"state": "mined", "block": mined.block, "transaction": mined.transaction}, as_json=as_json)


def withdraw(
    dataset: DatasetArgument,
    record: RecordArgument,
    expected: Annotated[
        int | None, typer.Option(min=1, help="Only if this is still the newest version.")
    ] = None,
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a record: reads answer as if it was never there. Its history stays, and a later put brings it back.

    To destroy its contents instead, use `record erase`.

    Example: `cityledger record withdraw LAND/registration/real-estate/titles title-7 --expected 3`
    """
    with connected(node, credentials, token) as client:
        written = client.withdraw(
            dataset_named(client, dataset),
            record,
            context=access_context(purpose, case),
            expected_version=expected,
        )
    fields = {"record": written.record, "version": written.version, "log": written.log, "seq": written.seq}
    print_fields({**fields, "leafHash": written.leaf_hash}, as_json=as_json)


def erase(
    dataset: DatasetArgument,
    record: RecordArgument,
    reason: Annotated[str, typer.Option(help="duty, subject-request, law or written-in-error.")],
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Permanently destroy the keys of every version of a record, and number a tombstone for each.

    Example: `cityledger record erase HEALTH/treatment/outpatient/visits visit-12 --reason duty --yes`
    """
    from cityledger.types import ErasureReason

    reasons = {one.name.lower().replace("_", "-"): one for one in ErasureReason}
    if reason not in reasons:
        raise typer.BadParameter(f"--reason is one of {', '.join(reasons)}")
    if not yes:
        typer.confirm(f"No key will open {record} again. Erase it?", abort=True, err=True)
    with connected(node, credentials, token) as client:
        context = access_context(purpose, case)
        places = client.erase(dataset_named(client, dataset), record, reasons[reason], context)
    rows = [{"log": one.log, "seq": one.seq, "leafHash": one.leaf_hash} for one in places]
    print_rows(rows, ["log", "seq", "leafHash"], as_json=as_json)
    note("next: cityledger record tombstone writes the files that prove it")
