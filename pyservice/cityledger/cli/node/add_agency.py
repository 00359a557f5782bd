"""``cityledger node add-agency``: keys for another agency in the keyring of an existing node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields

AgencyArgument = Annotated[
    str, typer.Argument(metavar="AGENCY", help="Code or number of an admitted agency.")
]
WriteOption = Annotated[
    bool,
    typer.Option(
        "--write-credentials",
        help="Also write credentials of a reader and a writer of it, unencrypted. For trials.",
    ),
]


def add_agency(
    agency: AgencyArgument,
    folder: NodeFolderOption = Path(),
    write_credentials: WriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Host another agency at a node: make its keys. Restart the node afterwards.

    Example: `cityledger node add-agency TOURISM --folder .cityledger/node`

    Its account then registers the keys on chain and opens its logs: `cityledger node link`.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    from cityledger.cli.chain_options import open_chain
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring
    from cityledger.node import credential_files
    from cityledger.node.lock import verify_restored
    from cityledger.sealing.key_turns import changing_keys
    from cityledger.sealing.thumbprint import key_thumbprint
    from cityledger.settings import load_settings

    settings = load_settings(folder, os.environ)
    verify_restored(folder)
    access = open_chain(settings.rpc_url, settings.manifest)
    number = access.agency(agency)
    code, key = access.code_of(number), ec.generate_private_key(ec.SECP256R1())
    with changing_keys(settings.keyring):
        keyring = open_keyring(settings, secret_of(settings, os.environ))
        keys = keyring.add_agency(number, random=os.urandom, credential_key=key)
        if write_credentials:
            credential_files.write_credentials(
                folder / "credentials", code, key, settings.devnet_state, settings.port
            )
    fields: dict[str, object] = {
        "agency": number,
        "code": code,
        "sealingKeyDigest": keys.sealing_key.digest,
        "credentialKeyDigest": key_thumbprint(key),
    }
    print_fields(fields, as_json=as_json)
    note("1. back up the node: no earlier backup has the new keys")
    note(f"2. with the agency's account: cityledger node link {code} --folder {folder} --account KEYSTORE")
    note("3. restart the node")
