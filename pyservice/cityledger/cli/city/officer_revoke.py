"""``cityledger officer revoke``: the signed list of officers that an agency no longer vouches for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.client_options import CredentialsOption, NodeOption
from cityledger.cli.output import JsonOption, note, print_fields, print_rows

if TYPE_CHECKING:
    from cityledger.client import AssertionCredentials, Client
    from cityledger.client.answers import Revocations
    from cityledger.settings import Settings
    from cityledger.types import AgencyId

AgencyArgument = Annotated[str, typer.Argument(help="The agency's code.", metavar="AGENCY")]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", help="Folder of the agency's own node, whose keyring holds its credential key."),
]
Entry = tuple[str, str | None]


def revoke(
    agency: AgencyArgument,
    officers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SUB…", help="The officers, as assertions name them in sub.", show_default=False
        ),
    ] = None,
    system: Annotated[str | None, typer.Option(help="Only in this system.  [default: in every one]")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SUB@SYSTEM",
            help="One more officer, in this system alone; the system is what follows the last @.",
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the officers off the list.")] = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="Put a list of these officers alone, or of none, in the place of the former one, without a"
            " sign-in.",
        ),
    ] = False,
    seq: Annotated[
        int | None,
        typer.Option(
            "--seq",
            min=1,
            max=2**53 - 1,
            help="Number of the list, above that of the key's last one, which the node's refusal names."
            "  [default: one more than the last; with --whole, the seconds since 1970]",
        ),
    ] = None,
    folder: FolderOption = None,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke off-chain officers at a node, at once, in open sessions too.

    Example: `cityledger officer revoke HEALTH dr.chen --folder .cityledger/node`

    Signs the agency's whole list with its credential key, from the keyring of its node or from a credentials
    file, and sends it to the node. Run it at each node where the agency's officers sign in. A node that was
    restored without the newest list refuses the agency's assertions until the whole list is put with --whole.
    Officers with an account on chain are dismissed instead: `cityledger officer dismiss`.
    """
    from cityledger.client.credentials.statements import Revoking, make_revocation_list

    named: list[Entry] = [*((one, system) for one in officers or ()), *map(_only, only or ())]
    _verify_choice(named, whole=whole, undo=undo)
    signing = _signing(agency, folder, node, credentials)
    with signing.client() as client:
        now = int(signing.now())
        number, entries = (now, named) if whole else _changed(client.revocations(agency), named, undo=undo)
        said = Revoking(agency, now, seq or number, entries)
        key = signing.credentials.credential_key
        signed = make_revocation_list(said, instance=client.node().instance, credential_key=key)
        updated = client.put_revocations(agency, signed)
    print_fields({"agency": agency, "seq": updated.seq, "revoked": len(updated.revoked)}, as_json=as_json)
    note("next: the same at each other node where this agency's officers sign in, with --node URL")


def _only(text: str) -> Entry:
    officer, _, system = text.rpartition("@")
    if not officer or not system:
        raise typer.BadParameter(f"--only is SUB@SYSTEM, not {text}")
    return officer, system


def _verify_choice(officers: list[Entry], *, whole: bool, undo: bool) -> None:
    if whole and undo:
        raise typer.BadParameter("--whole and --undo exclude each other")
    if not officers and not whole:
        raise typer.BadParameter("name at least one officer; --whole alone puts an empty list")


def revocations(
    agency: AgencyArgument,
    folder: FolderOption = None,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the officers that an agency has revoked at a node.

    Example: `cityledger officer revocations HEALTH --folder .cityledger/node`
    """
    with _signing(agency, folder, node, credentials).client() as client:
        stored = client.revocations(agency)
    rows = [{"officer": one.sub, "system": one.system or "every"} for one in stored.revoked]
    print_rows(rows, ["officer", "system"], as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Signing:
    """Who signs, and the node that is asked. ``now`` gives Unix seconds."""

    credentials: AssertionCredentials
    node: str
    now: Callable[[], float]

    def client(self) -> Client:
        from cityledger.client import Client

        return Client(self.node, self.credentials, now=self.now)


def _signing(agency: str, folder: Path | None, node: str | None, credentials: Path | None) -> _Signing:
    if (folder is None) == (credentials is None):
        raise typer.BadParameter("name the credential key by exactly one of --folder and --credentials")
    return _of_file(credentials, node) if credentials else _of_folder(agency, folder or Path(), node)


def _of_file(path: Path, node: str | None) -> _Signing:
    from cityledger.cli.client_options import client_settings
    from cityledger.client import AssertionCredentials, load_credentials

    loaded = load_credentials(path)
    if not isinstance(loaded.credentials, AssertionCredentials):
        raise typer.BadParameter("the credentials file must name a credentialKey; an account signs no list")
    return _Signing(loaded.credentials, node or loaded.node or client_settings().node, loaded.now)


def _of_folder(agency: str, folder: Path, node: str | None) -> _Signing:
    from cityledger.cli.node.secret import secret_of
    from cityledger.client import AssertionCredentials
    from cityledger.devnet_clock import follow_offset
    from cityledger.errors import KeyringError
    from cityledger.key_sources.opening import open_keyring
    from cityledger.settings import load_settings
    from cityledger.types import Role

    settings = load_settings(folder, os.environ)
    url = node or _own_url(settings)
    offset = follow_offset(settings.devnet_state) if settings.devnet_state else lambda: 0
    keyring = open_keyring(settings, secret_of(settings, os.environ))
    key = keyring.agency(_number(url, agency)).credential_key
    if key is None:
        raise KeyringError(f"the keyring holds no credential key of {agency}; give --credentials")
    signs = AssertionCredentials(agency, "cityledger officer revoke", Role.READER, "cityledger", key)
    return _Signing(signs, url, lambda: time.time() + offset())


def _own_url(settings: Settings) -> str:
    """The node of the folder, by a name that it takes in the proofs of its callers."""
    from cityledger.settings.own_machine import is_own_machine, local_url

    if is_own_machine(settings.domain):
        return local_url(settings.host, settings.port)
    return f"https://{settings.domain}"


def _number(url: str, agency: str) -> AgencyId:
    from cityledger.client import Client

    with Client(url) as client:
        return client.agency(agency).agency


def _changed(stored: Revocations, named: list[Entry], *, undo: bool) -> tuple[int, list[Entry]]:
    """The next number, and the stored list with the named entries on it or off it."""
    entries: set[Entry] = {(one.sub, one.system) for one in stored.revoked}
    for officer, system in named:
        if undo and (officer, system) not in entries:
            raise typer.BadParameter(f"{officer} is not on the list in {system or 'every system'}")
    changed = entries - set(named) if undo else entries | set(named)
    return stored.seq + 1, sorted(changed, key=lambda one: (one[0], one[1] or ""))
