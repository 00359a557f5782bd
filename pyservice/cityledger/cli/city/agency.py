"""``cityledger agency``: members of the city."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import address, bytes32
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
from cityledger.cli.city.agency_keys import rotate_keys
from cityledger.cli.output import JsonOption, note, print_fields, print_rows
from cityledger.types import AgencyId

if TYPE_CHECKING:
    from cityledger.chain.contracts.agency_registry import AgencyRegistry
    from cityledger.chain.transactions import Call
    from cityledger.types import Agency

app = typer.Typer(help="Admit, suspend and list agencies: council and guard; change an agency's keys.")
app.command()(rotate_keys)

AgencyArgument = Annotated[str, typer.Argument(help="The agency's code or number.", metavar="AGENCY")]
DigestOption = Annotated[str, typer.Option(help="32 bytes in hex; `cityledger node init` prints it.")]
_ZERO = "0x" + "00" * 32


@app.command()
def admit(
    code: Annotated[str, typer.Argument(help="1 to 32 ASCII characters; permanent.", metavar="CODE")],
    name: Annotated[str, typer.Option(help="The agency's name.")],
    endpoint: Annotated[str, typer.Option(help="Base URL of its node; permanent.")],
    agency_account: Annotated[str, typer.Option(help="The account that acts for it on chain.")],
    local_name: Annotated[str, typer.Option(help="Its name in the city's language.")] = "",
    sealing_key_digest: DigestOption = _ZERO,
    credential_key_digest: DigestOption = _ZERO,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an agency a member. Council.

    Example: `cityledger agency admit HEALTH --name "Health Commission" --endpoint http://127.0.0.1:8053
    --agency-account 0x90F79bf6EB2c4f870365E785982E1f101E93b906 --devnet-account 1`
    """
    from cityledger.chain.contracts.agency_registry import Admission, AgencyAdmitted
    from cityledger.chain.contracts.decoding import decode_receipt

    if not endpoint.startswith(("http://", "https://")):
        raise typer.BadParameter("the endpoint must be an http or https URL; it is permanent")
    access = open_chain(rpc, manifest)
    admission = Admission(
        code,
        name,
        local_name,
        endpoint,
        address(agency_account),
        bytes32(sealing_key_digest),
        bytes32(credential_key_digest),
    )
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send_governed(access, signing, access.contracts.agencies.admit(admission))
    events = [logged.event for logged in decode_receipt(receipt, access.contracts)] if receipt else []
    admitted = next((event.agency for event in events if isinstance(event, AgencyAdmitted)), None)
    print_sent(receipt, {"agency": admitted, "code": code}, as_json=as_json)
    if admitted is not None:
        note(f"next, with {agency_account}: cityledger officer appoint {code} ACCOUNT --role steward")


@app.command()
def suspend(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop an agency's keys and streams at once. Guard.

    Example: `cityledger agency suspend HEALTH --devnet-account 2`
    """
    signing = (account, password_file, devnet_account)
    _move(agency, lambda registry: registry.suspend, rpc, manifest, signing, as_json)


@app.command()
def reinstate(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a suspended agency active again; grants of an older epoch stay ended. Council.

    Example: `cityledger agency reinstate HEALTH --devnet-account 1`
    """
    signing = (account, password_file, devnet_account)
    _move(agency, lambda registry: registry.reinstate, rpc, manifest, signing, as_json)
    note("keys from before a reported compromise stay ended; next, with the agency's account:")
    note(f"cityledger agency rotate-keys {agency} --folder NODE, and officer appoint")


@app.command()
def offboard(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a membership permanently, and every grant with it. Council.

    Example: `cityledger agency offboard HEALTH --devnet-account 1`
    """
    signing = (account, password_file, devnet_account)
    _move(agency, lambda registry: registry.offboard, rpc, manifest, signing, as_json)


@app.command()
def report_compromise(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suspend an agency whose keys may be stolen, and end all its grants and appointments. Guard.

    Example: `cityledger agency report-compromise HEALTH --devnet-account 2`
    """
    signing = (account, password_file, devnet_account)
    _move(agency, lambda registry: registry.report_compromise, rpc, manifest, signing, as_json)
    note("next, at each node, what the stolen keys could have touched:")
    note(f"cityledger node exposure {agency} --since TIME --folder NODE")


@app.command()
def rotate_account(
    agency: AgencyArgument,
    new_account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="The account that acts for the agency from then on.")
    ],
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an agency another account, e.g. after the key of the former one was stolen or lost. Council.

    Example: `cityledger agency rotate-account HEALTH 0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc
    --devnet-account 1`

    The former account has no rights from then on. Officers that it appointed, logs and keys stay: check
    `cityledger officer list`, and rotate the keys.
    """
    access = open_chain(rpc, manifest)
    number, given = access.agency(agency), address(new_account)
    call = access.contracts.agencies.rotate_account(number, given)
    receipt = send_governed(
        access, signer(access.manifest.chain_id, account, password_file, devnet_account), call
    )
    print_sent(receipt, {"agency": number, "account": given}, as_json=as_json)


@app.command(name="list")
def list_(rpc: RpcOption = None, manifest: ManifestOption = MANIFEST, as_json: JsonOption = False) -> None:
    """List every agency that was ever admitted.

    Example: `cityledger agency list`
    """
    registry = open_chain(rpc, manifest).contracts.agencies
    numbers = range(1, registry.agency_count("latest") + 1)
    found = [registry.find_agency(AgencyId(number), "latest") for number in numbers]
    rows = [_fields(agency) for agency in found if agency]
    print_rows(rows, ["agency", "code", "name", "status", "epoch", "account"], as_json=as_json)


@app.command()
def show(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    as_json: JsonOption = False,
) -> None:
    """Show everything that the registry holds of an agency.

    Example: `cityledger agency show HEALTH --json`
    """
    access = open_chain(rpc, manifest)
    found = access.contracts.agencies.find_agency(access.agency(agency), "latest")
    if found:
        print_fields(_fields(found), as_json=as_json)


def _move(
    agency: str,
    of: Callable[[AgencyRegistry], Callable[[AgencyId], Call]],
    rpc: str | None,
    manifest: Path,
    signing: Signing,
    as_json: bool,
) -> None:
    access = open_chain(rpc, manifest)
    number = access.agency(agency)
    call = of(access.contracts.agencies)(number)
    receipt = send_governed(access, signer(access.manifest.chain_id, *signing), call)
    status, epoch = access.contracts.agencies.standing(number, "latest")
    print_sent(receipt, {"agency": number, "status": status, "epoch": epoch}, as_json=as_json)


def _fields(agency: Agency) -> dict[str, object]:
    return {
        "agency": agency.agency,
        "code": agency.code,
        "name": agency.name,
        "local_name": agency.local_name,
        "status": agency.status,
        "epoch": agency.epoch,
        "account": agency.account,
        "endpoint": agency.endpoint,
        "sealing_key_digest": agency.sealing_key_digest,
        "credential_key_digest": agency.credential_key_digest,
    }
