"""``cityledger node link``: tell the chain of an agency's keys, and open its logs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.chain_access import (
    AccountOption,
    DevnetAccountOption,
    PasswordFileOption,
    send,
    signer,
)
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import NotFoundError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from cityledger.chain.structs import Log
    from cityledger.cli.chain_access import ChainAccess
    from cityledger.sealing.agency_keys import AgencyKeys
    from cityledger.types import Address, AgencyId, LogId, LogKind

AgencyArgument = Annotated[str, typer.Argument(metavar="AGENCY", help="Code or number of a hosted agency.")]
NodeFolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="Folder of the node.", file_okay=False)
]


def link(
    agency: AgencyArgument,
    folder: NodeFolderOption = Path(),
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the digests of an agency's keys on chain, and open its logs for this node's operator.

    Example: `cityledger node link HEALTH --folder .cityledger/node --devnet-account 3`

    Signed by the agency's account. What stands on chain already is left alone, so it may be run again.
    """
    from cityledger.cli.chain_access import open_chain
    from cityledger.cli.node_secret import secret_of
    from cityledger.sealing.keyring import Keyring
    from cityledger.settings import load_settings
    from cityledger.types import Address, LogKind

    settings = load_settings(folder, os.environ)
    access = open_chain(settings.rpc_url, settings.manifest)
    number = access.agency(agency)
    keys = Keyring.open(settings.keyring, secret_of(settings, os.environ)).agency(number)
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    rotated = _rotate(access, signing, number, keys)
    operator = Address(settings.operator)
    logs = {kind.name.lower(): _open_log(access, signing, number, kind, operator) for kind in LogKind}
    told: dict[str, object] = {f"{name} log": log for name, log in logs.items()}
    print_fields({"agency": number, "keys": "rotated" if rotated else "unchanged", **told}, as_json=as_json)
    note(f"next: cityledger node check --folder {folder}")


def find_log(access: ChainAccess, agency: AgencyId, kind: LogKind, operator: Address) -> LogId | None:
    """The newest open log of an agency and kind whose operator is this account."""
    from cityledger.types import LogId

    ledger = access.contracts.ledger
    for number in range(ledger.log_count("latest"), 0, -1):
        found = ledger.find_log(LogId(number), "latest")
        if found is not None and _fits(found, agency, kind, operator):
            return LogId(number)
    return None


def credential_digest(keys: AgencyKeys) -> bytes:
    """What the registry should hold of the agency's credential key; zero for none."""
    from cityledger.client.credentials import key_thumbprint

    return bytes(32) if keys.credential_key is None else key_thumbprint(keys.credential_key)


def _fits(log: Log, agency: AgencyId, kind: LogKind, operator: Address) -> bool:
    return (log.agency, log.kind, log.operator) == (agency, kind, operator) and not log.closed


def _rotate(access: ChainAccess, account: LocalAccount, agency: AgencyId, keys: AgencyKeys) -> bool:
    registry = access.contracts.agencies
    found = registry.find_agency(agency, "latest")
    if found is None:
        raise NotFoundError(f"agency: {agency}")
    wanted = (keys.sealing_key.digest, credential_digest(keys))
    if (found.sealing_key_digest, found.credential_key_digest) == wanted:
        return False
    send(access, account, registry.rotate_keys(agency, *wanted))
    return True


def _open_log(
    access: ChainAccess, account: LocalAccount, agency: AgencyId, kind: LogKind, operator: Address
) -> LogId | None:
    if find_log(access, agency, kind, operator) is None:
        send(access, account, access.contracts.ledger.open_log(agency, kind, operator))
    return find_log(access, agency, kind, operator)
