"""``cityledger node rotate-operator``: changes the account that anchors, pays and signs receipts."""

from __future__ import annotations

import json
import os
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.init import OperatorAddressOption, OperatorKeyOption
from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import ConfigurationError

if TYPE_CHECKING:
    from cityledger.chain.rpc.endpoint import Endpoint
    from cityledger.store.engine.database import Database
    from cityledger.types import Address, AgencyId

OperatorOption = Annotated[
    Path | None,
    typer.Option(help="Keystore of the account that operates the node from now on.  [default: a new one]"),
]
PasswordFileOption = Annotated[Path | None, typer.Option(help="File with the keystore's passphrase.")]
DevnetOperatorOption = Annotated[
    int | None, typer.Option(min=0, help="Operate with this funded account of the devnet. Devnet only.")
]
_VARIABLES = ("CITYLEDGER_OPERATOR", "CITYLEDGER_OPERATOR_KEY")
_LINE = re.compile(r"(?m)^operator\s*=.*$")
_KEY_LINE = re.compile(r"(?m)^operator_key\s*=.*\n?")


def rotate_operator(
    folder: NodeFolderOption = Path(),
    operator_keystore: OperatorOption = None,
    password_file: PasswordFileOption = None,
    devnet_operator: DevnetOperatorOption = None,
    operator_key: OperatorKeyOption = "keyring",
    operator_address: OperatorAddressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a stopped node another operator account. Each hosted agency then hands its logs over.

    Example: `cityledger node rotate-operator --folder .cityledger/node --devnet-operator 8`

    Refused while a transaction of the present account may still be mined: serve the node until it is final.
    The keyring remembers the former account, because it signed stored receipts; it no longer needs funds. The
    key of the new account is kept in the keyring, or where --operator-key says.
    Until an agency has run `cityledger node link`, its logs accept no receipts, so its records cannot be
    read.
    """
    from eth_account.signers.local import LocalAccount

    from cityledger.chain.rpc.endpoint import connect
    from cityledger.cli.chain_options import signer_or_new
    from cityledger.cli.node.init import outside_operator
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring
    from cityledger.key_sources.own_operator import verify_own
    from cityledger.key_sources.source import KEYRING
    from cityledger.node.lock import sole_process
    from cityledger.node.operator import is_given
    from cityledger.sealing.key_turns import changing_keys
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.leadership import sole_user
    from cityledger.store.engine.migrate import verify_schema
    from cityledger.types import Address

    settings = load_settings(folder, os.environ)
    _verify_not_overridden()
    with (
        sole_process(folder),
        changing_keys(settings.keyring),
        closing(Database(settings.database_url)) as database,
        sole_user(database),
    ):
        verify_schema(database)
        keyring = open_keyring(settings, secret_of(settings, os.environ))
        former = Address(settings.operator)
        verify_own(keyring, former, lambda: is_given(settings, keyring, former))
        _verify_settled(connect(settings.rpc_url, settings.chain_id), database, former)
        account = (
            signer_or_new(settings.chain_id, operator_keystore, password_file, devnet_operator)
            if operator_key == KEYRING
            else outside_operator(
                operator_key, settings.keyring.parent, operator_address, operator_keystore or devnet_operator
            )
        )
        if Address(account.address) == former:
            raise ConfigurationError(f"{former} is the operator already")
        if isinstance(account, LocalAccount):
            keyring.add_account(bytes(account.key))
        for own in (former, Address(account.address)):
            keyring.add_operator(own, random=os.urandom)
        _count_failures_from_start(database, keyring.agencies())
        _write_setting(folder, account.address, operator_key)
    print_fields({"operator": account.address, "former": former}, as_json=as_json)
    note(f"1. send funds to {account.address}; each anchoring transaction pays from it")
    note("2. with each hosted agency's account, which hands its logs over: cityledger node link CODE")
    note("3. serve the node again; back up to a new folder")


def _verify_not_overridden() -> None:
    for name in _VARIABLES:
        if name in os.environ:
            raise ConfigurationError(f"{name} overrides the setting that this would change; unset it")


def _verify_settled(endpoint: Endpoint, database: Database, account: Address) -> None:
    """Refuses while a transaction of the account may still be mined, or undone.

    Raises:
        ConfigurationError: says how many.
    """
    from cityledger.store.anchoring import attempts

    final = int(endpoint.request("eth_getTransactionCount", account, "finalized"), 16)
    with database.reading() as connection:
        signed_end, _ = attempts.find_end(connection, account)
    if signed_end > final:
        raise ConfigurationError(
            f"{signed_end - final} transactions of {account} are not final yet; serve the node until they"
            " are, then run this again. Nothing was changed"
        )


def _count_failures_from_start(database: Database, hosted: list[AgencyId]) -> None:
    """Failures below a nonce are not counted against a log; the new account counts its nonces from another
    number."""
    from cityledger.store.anchoring import logs

    with database.writing() as connection:
        logs.count_all_failures(connection, hosted)


def _write_setting(folder: Path, address: str, operator_key: str) -> None:
    """Last: until then the former account operates the node."""
    from cityledger.sealing.private_files import write_private_file
    from cityledger.settings import FILE_NAME

    # As JSON a text is a TOML string, too.
    lines = f"operator = {json.dumps(address)}\noperator_key = {json.dumps(operator_key)}"
    text = _KEY_LINE.sub("", (folder / FILE_NAME).read_text("utf-8"))
    text, count = _LINE.subn(lambda _found: lines, text)
    if count != 1:
        raise ConfigurationError(f"{FILE_NAME} does not name the operator in one line; write {address} there")
    write_private_file(folder / FILE_NAME, text.encode())
