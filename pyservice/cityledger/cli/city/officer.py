"""``cityledger officer``: who acts for an agency on chain."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cityledger.cli.arguments import address, moment, shown_moment
from cityledger.cli.chain_options import (
    MANIFEST,
    AccountOption,
    DevnetAccountOption,
    ManifestOption,
    PasswordFileOption,
    RpcOption,
    open_chain,
    print_sent,
    send,
    signer,
)
from cityledger.cli.city.agency import AgencyArgument
from cityledger.cli.city.officer_revoke import revocations, revoke
from cityledger.cli.output import JsonOption, note, print_rows
from cityledger.types import Address, Role

app = typer.Typer(help="Appoint and dismiss an agency's officers on chain; revoke those that it vouches for.")
app.command()(revoke)
app.command()(revocations)

OfficerArgument = Annotated[str, typer.Argument(help="The officer's account.", metavar="ACCOUNT")]


class OnChainRole(StrEnum):
    STEWARD = "steward"
    AUDITOR = "auditor"
    REGISTRAR = "registrar"


@app.command()
def appoint(
    agency: AgencyArgument,
    officer: OfficerArgument,
    role: Annotated[OnChainRole, typer.Option(help="Steward: datasets and grants. Auditor: reads the log.")],
    until: Annotated[str, typer.Option(help="End: 2030-01-31, Unix seconds or never.")] = "never",
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Appoint an officer, or replace an appointment. Signed by the agency's account.

    Example: `cityledger officer appoint HEALTH 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65 --role steward
    --until 2030-01-31 --devnet-account 3`
    """
    access = open_chain(rpc, manifest)
    number, end, named = access.agency(agency), moment(until), Role[role.name]
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send(access, signing, access.contracts.agencies.appoint(number, address(officer), named, end))
    appointment = {
        "agency": number,
        "officer": address(officer),
        "role": named,
        "until": shown_moment(end),
    }
    print_sent(receipt, appointment, as_json=as_json)
    if named is Role.STEWARD:
        note("next, with that account: cityledger dataset publish --help")


@app.command()
def dismiss(
    agency: AgencyArgument,
    officer: OfficerArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an officer's role away at once. Signed by the agency's account.

    Example: `cityledger officer dismiss HEALTH 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65 --devnet-account 3`
    """
    access = open_chain(rpc, manifest)
    number = access.agency(agency)
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    receipt = send(access, signing, access.contracts.agencies.dismiss(number, address(officer)))
    print_sent(receipt, {"agency": number, "officer": address(officer), "role": Role.NONE}, as_json=as_json)


@app.command(name="list")
def list_(
    agency: AgencyArgument,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    as_json: JsonOption = False,
) -> None:
    """List an agency's officers and whether each appointment still holds.

    Example: `cityledger officer list HEALTH`
    """
    from cityledger.chain.contracts.agency_registry import OfficerAppointed
    from cityledger.chain.follower import Follower

    access = open_chain(rpc, manifest)
    number, registry = access.agency(agency), access.contracts.agencies
    follower = Follower(access.endpoint, access.manifest)
    head = follower.head()
    officers: dict[Address, None] = {}
    for logged in follower.all_events(access.manifest.first_block, head.number):
        if isinstance(logged.event, OfficerAppointed) and logged.event.agency == number:
            officers[logged.event.account] = None
    rows: list[dict[str, object]] = []
    for officer in officers:
        found = registry.find_appointment(number, officer, head)
        if found:
            holds = registry.role_of(number, officer, head.time, head) is not Role.NONE
            rows.append(
                {"account": officer, "role": found.role, "until": shown_moment(found.until), "holds": holds}
            )
    print_rows(rows, ["account", "role", "until", "holds"], as_json=as_json)
