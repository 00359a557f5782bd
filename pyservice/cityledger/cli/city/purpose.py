"""``cityledger purpose``: the city's list of purposes that records may be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.arguments import purpose
from cityledger.cli.chain_options import (
    MANIFEST,
    AccountOption,
    DevnetAccountOption,
    ManifestOption,
    PasswordFileOption,
    RpcOption,
    Signing,
    open_chain,
    print_sent,
    send_governed,
    signer,
)
from cityledger.cli.output import JsonOption, print_rows
from cityledger.types import EMERGENCY, OWN_DUTY, Purpose, purpose_name

app = typer.Typer(
    help="The city's list of purposes, kept by the council. OWN_DUTY and EMERGENCY are built in."
)

NameArgument = Annotated[
    str, typer.Argument(help="Such as TREATMENT: A to Z, 0 to 9, underscore.", metavar="NAME")
]


@app.command()
def add(
    name: NameArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a purpose on the list. Council.

    Example: `cityledger purpose add TREATMENT --devnet-account 1`
    """
    _set(name, True, rpc, manifest, (account, password_file, devnet_account), as_json)


@app.command()
def remove(
    name: NameArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a purpose off the list; from then on nothing is permitted for it. Council.

    Example: `cityledger purpose remove TREATMENT --devnet-account 1`
    """
    _set(name, False, rpc, manifest, (account, password_file, devnet_account), as_json)


@app.command(name="list")
def list_(rpc: RpcOption = None, manifest: ManifestOption = MANIFEST, as_json: JsonOption = False) -> None:
    """List the purposes that the city knows.

    Example: `cityledger purpose list`
    """
    from cityledger.chain.contracts.data_catalog import PurposeSet
    from cityledger.chain.follower import Follower

    access = open_chain(rpc, manifest)
    follower = Follower(access.endpoint, access.manifest)
    known: set[Purpose] = {OWN_DUTY, EMERGENCY}
    for logged in follower.all_events(access.manifest.first_block, follower.head().number):
        match logged.event:
            case PurposeSet(listed, True):
                known.add(listed)
            case PurposeSet(listed, False):
                known.discard(listed)
    print_rows([{"purpose": purpose_name(one)} for one in sorted(known)], ["purpose"], as_json=as_json)


def _set(
    name: str, is_listed: bool, rpc: str | None, manifest: Path, signing: Signing, as_json: bool
) -> None:
    access = open_chain(rpc, manifest)
    catalog = access.contracts.catalog
    call = catalog.add_purpose(purpose(name)) if is_listed else catalog.remove_purpose(purpose(name))
    receipt = send_governed(access, signer(access.manifest.chain_id, *signing), call)
    print_sent(receipt, {"purpose": name, "listed": is_listed}, as_json=as_json)
