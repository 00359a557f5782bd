"""``cityledger node init``: everything that a node needs on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.chain_options import DEVNET_FOLDER, MANIFEST, ManifestOption, RpcOption
from cityledger.cli.output import JsonOption, note, print_fields, print_rows

if TYPE_CHECKING:
    from cityledger.cli.chain_options import ChainAccess
    from cityledger.signing import Account, Signer

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the node.")]
AgencyOption = Annotated[
    list[str] | None,
    typer.Option("--agency", help="Code or number of an agency to host; may be given several times."),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(help="File whose bytes open the keyring.  [default: a passphrase, asked for]"),
]
OperatorOption = Annotated[
    Path | None,
    typer.Option(help="Keystore of the account that anchors and signs receipts.  [default: a new one]"),
]
PasswordFileOption = Annotated[Path | None, typer.Option(help="File with the keystore's passphrase.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="New database for the node, e.g. postgresql://user@host/name. A password in it is written into"
        " the settings; DATABASE_URL, which wins, is not.  [default: sqlite:///node.db in the folder]",
    ),
]
PortOption = Annotated[
    int,
    typer.Option(
        "--port",
        envvar="CITYLEDGER_PORT",
        min=0,
        max=65_535,
        help="Port to listen at, as settings and credentials name it.",
    ),
]
DevnetOperatorOption = Annotated[
    int | None, typer.Option(min=0, help="Operate with this funded account of the devnet. Devnet only.")
]
OperatorKeyOption = Annotated[
    str,
    typer.Option(
        "--operator-key",
        metavar="SOURCE",
        help="Where the operator's key is kept: file:PATH, command:PROGRAM, web3signer:https://… (with"
        " --operator), pkcs11:token=…;object=…?module-path=….  [default: the node's keyring]",
        show_default=False,
    ),
]
OperatorAddressOption = Annotated[
    str | None,
    typer.Option("--operator", metavar="ADDRESS", help="Which account of a web3signer: operates the node."),
]
VaultKeysOption = Annotated[
    str,
    typer.Option(
        "--vault-keys",
        metavar="SOURCE",
        help="Where the agencies' vault keys are kept: a file:, command: or pkcs11: as above, with {agency}"
        " and {epoch} (1 at first) in it.  [default: the node's keyring]",
        show_default=False,
    ),
]
WriteOption = Annotated[
    bool,
    typer.Option(
        "--write-credentials",
        help="Also write, unencrypted, what a reader and a writer of each agency sign in with. For trials.",
    ),
]


def init(
    folder: FolderArgument,
    agency: AgencyOption = None,
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    key_file: KeyFileOption = None,
    operator_keystore: OperatorOption = None,
    password_file: PasswordFileOption = None,
    devnet_operator: DevnetOperatorOption = None,
    write_credentials: WriteOption = False,
    database: DatabaseOption = None,
    operator_key: OperatorKeyOption = "keyring",
    operator_address: OperatorAddressOption = None,
    vault_keys: VaultKeysOption = "keyring",
    port: PortOption = 8053,
    as_json: JsonOption = False,
) -> None:
    """Make a node's folder: settings, keyring, keys for its agencies, operator account and database.

    Example: `cityledger node init .cityledger/node --agency HEALTH --agency LAND --devnet-operator 9`

    Overwrites nothing. Afterwards the operator's account needs funds, and each agency's account must tell
    the chain of its new keys and open its logs: `cityledger node link` does both.
    """
    from cityledger.cli.chain_options import open_chain, rpc_or_devnet, signer_or_new
    from cityledger.cli.node.secret import new_secret
    from cityledger.node.folder import DATABASE_URL, Setup, make_folder, verify_database, verify_new
    from cityledger.settings.node import resolved_database_url

    verify_new(folder)
    database_url = database or DATABASE_URL
    opened_url = resolved_database_url(database_url, folder, os.environ)
    verify_database(opened_url)
    rpc_url = rpc_or_devnet(rpc)
    access = open_chain(rpc_url, manifest)
    numbers = [access.agency(text) for text in agency or []]
    if operator_key == "keyring":
        operator: Account = signer_or_new(
            access.manifest.chain_id, operator_keystore, password_file, devnet_operator
        )
    else:
        operator = outside_operator(
            operator_key, folder, operator_address, operator_keystore or devnet_operator
        )
    secret = new_secret(key_file, os.environ)
    state = None if rpc else Path(os.environ.get("CITYLEDGER_DEVNET", DEVNET_FOLDER)) / "devnet.json"
    setup = Setup(
        folder,
        access.manifest,
        rpc_url,
        key_file,
        operator,
        write_credentials,
        state,
        database_url,
        opened_url,
        operator_key,
        vault_keys,
        port,
    )
    made = make_folder(setup, secret, {number: _code(access, number) for number in numbers})
    if as_json:
        agencies = [one.to_json() for one in made]
        print_fields(
            {"folder": str(folder), "operator": operator.address, "agencies": agencies}, as_json=True
        )
        return
    rows = [one.to_json() for one in made]
    print_rows(rows, ["agency", "code", "sealingKeyDigest", "credentialKeyDigest"], as_json=False)
    _tell_next(folder, operator.address)


def outside_operator(text: str, folder: Path, address: str | None, other: object) -> Signer:
    """The account of a key source; ``other`` is an option that names another account, and None else."""
    from eth_utils.address import to_checksum_address

    from cityledger.key_sources.opening import open_account
    from cityledger.key_sources.source import parse_source
    from cityledger.types import Address

    if other is not None:
        raise typer.BadParameter("name the operator's key by exactly one option")
    wanted = Address(to_checksum_address(address)) if address else None
    return open_account(parse_source("operator_key", text), folder, wanted)


def _code(access: ChainAccess, number: int) -> str:
    from cityledger.types import AgencyId

    found = access.contracts.agencies.find_agency(AgencyId(number), "latest")
    return found.code if found else str(number)


def _tell_next(folder: Path, operator: str) -> None:
    note(f"1. send funds to the operator {operator}; each anchoring transaction pays from it")
    note(f"2. with each agency's account: cityledger node link CODE --folder {folder} --account KEYSTORE")
    note("   (it puts the digests above on chain, and opens the agency's two logs for the operator)")
    note(f"3. cityledger node check --folder {folder}")
    note(f"4. cityledger node serve --folder {folder}")
