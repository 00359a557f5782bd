"""``cityledger grant``: who may read a conditional dataset, for which purpose, which parts, from when to
when.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cityledger.cli.arguments import moment, purpose, shown_moment
from cityledger.cli.chain_options import (
    MANIFEST,
    AccountOption,
    ChainAccess,
    DevnetAccountOption,
    ManifestOption,
    PasswordFileOption,
    RpcOption,
    open_chain,
    print_sent,
    send,
    signer,
)
from cityledger.cli.city.dataset import DatasetArgument
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import NotFoundError
from cityledger.types import AgencyId, DatasetId, Grant

app = typer.Typer(help="Give, revoke and show grants. One slot for each dataset, consumer and purpose.")

ConsumerArgument = Annotated[str, typer.Argument(help="The agency that asks.", metavar="CONSUMER")]
PurposeArgument = Annotated[str, typer.Argument(help="Why, such as TREATMENT.", metavar="PURPOSE")]


@app.command()
def give(
    dataset: DatasetArgument,
    consumer: ConsumerArgument,
    purpose_: PurposeArgument,
    part: Annotated[
        list[str] | None, typer.Option(help="A part's name; repeat for more.  [default: all parts]")
    ] = None,
    existence_only: Annotated[
        bool, typer.Option("--existence-only", help="No part: only whether a record exists.")
    ] = False,
    since: Annotated[str, typer.Option(help="Begin: 2030-01-31 or Unix seconds.")] = "0",
    until: Annotated[str, typer.Option(help="End: 2030-01-31, Unix seconds or never.")] = "never",
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant a consumer access, in place of whatever grant it had for this purpose. Signed by a steward of the
    provider.

    Example: `cityledger grant give HEALTH/treatment/visits/records CLINIC TREATMENT --part summary
    --until 2030-01-31 --devnet-account 4`
    """
    access = open_chain(rpc, manifest)
    number, asking = access.dataset(dataset), access.agency(consumer)
    if existence_only and part:
        raise typer.BadParameter("--existence-only names no part")
    mask = 0 if existence_only else _mask(access, number, part)
    catalog, why = access.contracts.catalog, purpose(purpose_)
    call = catalog.grant(number, asking, why, mask, moment(since), moment(until))
    receipt = send(access, signer(access.manifest.chain_id, account, password_file, devnet_account), call)
    given = catalog.find_grant(number, asking, why, receipt.block_number)
    print_sent(receipt, _fields(access, number, asking, purpose_, given), as_json=as_json)
    note(f"next, as {consumer}: cityledger record get {dataset} RECORD --purpose {purpose_}")


@app.command()
def revoke(
    dataset: DatasetArgument,
    consumer: ConsumerArgument,
    purpose_: PurposeArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a grant at once. Signed by a steward of the provider, also of a suspended one.

    Example: `cityledger grant revoke HEALTH/treatment/visits/records CLINIC TREATMENT --devnet-account 4`
    """
    access = open_chain(rpc, manifest)
    number, asking = access.dataset(dataset), access.agency(consumer)
    call = access.contracts.catalog.revoke(number, asking, purpose(purpose_))
    receipt = send(access, signer(access.manifest.chain_id, account, password_file, devnet_account), call)
    print_sent(receipt, {"dataset": number, "consumer": asking, "purpose": purpose_}, as_json=as_json)


@app.command()
def show(
    dataset: DatasetArgument,
    consumer: ConsumerArgument,
    purpose_: PurposeArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    as_json: JsonOption = False,
) -> None:
    """Show the grant in a slot, and whether its epochs are still current.

    Example: `cityledger grant show HEALTH/treatment/visits/records CLINIC TREATMENT`
    """
    access = open_chain(rpc, manifest)
    number, asking = access.dataset(dataset), access.agency(consumer)
    found = access.contracts.catalog.find_grant(number, asking, purpose(purpose_), "latest")
    if found is None:
        raise NotFoundError(f"grant: {purpose_} of {dataset} for {consumer}")
    print_fields(_fields(access, number, asking, purpose_, found), as_json=as_json)


def _fields(
    access: ChainAccess, dataset: DatasetId, consumer: AgencyId, purpose_: str, grant: Grant | None
) -> dict[str, object]:
    slot: dict[str, object] = {"dataset": dataset, "consumer": consumer, "purpose": purpose_}
    if grant is None:
        return slot
    provider, _ = access.contracts.catalog.standing(dataset, "latest")
    epochs = [access.contracts.agencies.standing(agency, "latest")[1] for agency in (provider, consumer)]
    parts = [name for bit, name in enumerate(_part_names(access, dataset)) if grant.parts >> bit & 1]
    return {
        **slot,
        "grant": grant.grant_id,
        "parts": parts,
        "since": shown_moment(grant.since),
        "until": shown_moment(grant.until),
        "epochs_stand": epochs == [grant.provider_epoch, grant.consumer_epoch],
    }


def _mask(access: ChainAccess, dataset: DatasetId, names: list[str] | None) -> int:
    known = _part_names(access, dataset)
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"the dataset has no part {', '.join(unknown)}; it has {', '.join(known)}")
    return sum(1 << bit for bit, name in enumerate(known) if not names or name in names)


def _part_names(access: ChainAccess, dataset: DatasetId) -> tuple[str, ...]:
    found = access.contracts.catalog.find_dataset(dataset, "latest")
    return found.parts if found else ()
