"""``cityledger agency rotate-keys``: changes the sealing key and credential key of a hosted agency."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.chain_options import (
    AccountOption,
    DevnetAccountOption,
    PasswordFileOption,
    send,
    signer,
)
from cityledger.cli.node.options import HostedAgencyArgument, NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from cityledger.sealing.keyring import Keyring
    from cityledger.types import Agency


def rotate_keys(
    agency: HostedAgencyArgument,
    folder: NodeFolderOption = Path(),
    sealing: Annotated[
        bool,
        typer.Option("--sealing", help="The sealing key, to which other agencies' records are released."),
    ] = False,
    credential: Annotated[
        bool, typer.Option("--credential", help="The credential key, which vouches for officers and systems.")
    ] = False,
    write_key: Annotated[
        Path | None,
        typer.Option(
            "--write-credential-key",
            help="Also write the new credential key to this file, unencrypted, for the agency's own systems.",
        ),
    ] = None,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an agency's keys in its node's keyring and on chain. Signed by the agency's account.

    Example: `cityledger agency rotate-keys HEALTH --folder .cityledger/node --devnet-account 3`

    Both keys, unless one of --sealing and --credential is given. The node may serve. New keys are stored in
    the keyring before they are registered on chain; a run that was cut off is continued by the next. Once the
    transaction is mined, sessions and assertions of the former credential key end; earlier releases to the
    former sealing key can still be opened. Credentials files that `node init --write-credentials` wrote get
    the new key.
    """
    from cityledger.cli.chain_options import open_chain
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring
    from cityledger.node.lock import verify_restored
    from cityledger.sealing.key_turns import changing_keys
    from cityledger.settings import load_settings
    from cityledger.types import Address

    settings = load_settings(folder, os.environ)
    verify_restored(folder)
    access = open_chain(settings.rpc_url, settings.manifest)
    number = access.agency(agency)
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    registered = access.contracts.agencies.find_agency(number, "latest")
    if registered is None:
        raise NotFoundError(f"agency: {agency}")
    if registered.account != Address(signing.address):
        message = f"the account of {registered.code} is {registered.account}"
        raise ConfigurationError(f"{message}, not the one that signs; nothing was changed")
    with changing_keys(settings.keyring):
        keyring = open_keyring(settings, secret_of(settings, os.environ))
        both = sealing == credential
        digests = _Rotation(keyring, registered).prepare(
            sealing=sealing or both, credential=credential or both
        )
        if write_key is not None:
            _write_key(keyring, registered, write_key)
        send(access, signing, access.contracts.agencies.rotate_keys(number, *digests))
        _renew_file(keyring, registered, folder / "credentials")
    changed: dict[str, object] = {
        "agency": number,
        "sealing key": "rotated" if digests[0] != registered.sealing_key_digest else "unchanged",
        "credential key": "rotated" if digests[1] != registered.credential_key_digest else "unchanged",
    }
    print_fields(changed, as_json=as_json)
    note("next: give systems that vouch with the former credential key the new one, and sign in again")


@dataclass(frozen=True, slots=True)
class _Rotation:
    """Makes the keys that are to be registered. A key that differs from the registered one was made by a run
    that was cut off, and is used."""

    keyring: Keyring
    registered: Agency

    def prepare(self, *, sealing: bool, credential: bool) -> tuple[bytes, bytes]:
        """The digests to register; every key behind them is durable."""
        return self._sealing(wanted=sealing), self._credential(wanted=credential)

    def _sealing(self, *, wanted: bool) -> bytes:
        if not wanted:
            return self.registered.sealing_key_digest
        keys = self.keyring.agency(self.registered.agency)
        if keys.sealing_key.digest == self.registered.sealing_key_digest:
            keys = self.keyring.rotate_sealing_key(keys.agency, random=os.urandom, kem=keys.sealing_key.kem)
        return keys.sealing_key.digest

    def _credential(self, *, wanted: bool) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec

        from cityledger.checks.indexed import digests_of

        if not wanted:
            return self.registered.credential_key_digest
        keys = self.keyring.agency(self.registered.agency)
        if digests_of(keys)[1] in (self.registered.credential_key_digest, bytes(32)):
            fresh = ec.generate_private_key(ec.SECP256R1())
            keys = self.keyring.set_credential_key(keys.agency, fresh, random=os.urandom)
        return digests_of(keys)[1]


def _write_key(keyring: Keyring, registered: Agency, file: Path) -> None:
    from cityledger.node.credential_files import pem_of
    from cityledger.sealing.private_files import write_private_file

    key = keyring.agency(registered.agency).credential_key
    if key is not None:
        write_private_file(file, pem_of(key))


def _renew_file(keyring: Keyring, registered: Agency, folder: Path) -> None:
    """Called last: the former key is in effect until the new one is mined."""
    from cityledger.node.credential_files import key_file_name

    file = folder / key_file_name(registered.code)
    if file.exists():
        _write_key(keyring, registered, file)
