"""``cityledger node link``: registers an agency's keys on chain, and opens its logs."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cityledger.cli.chain_options import (
    AccountOption,
    DevnetAccountOption,
    PasswordFileOption,
    send,
    signer,
)
from cityledger.cli.node.options import HostedAgencyArgument, NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import NotFoundError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from cityledger.cli.chain_options import ChainAccess
    from cityledger.sealing.agency_keys import AgencyKeys
    from cityledger.store.anchoring.logs import LogHead
    from cityledger.types import AgencyId, LogId


def link(
    agency: HostedAgencyArgument,
    folder: NodeFolderOption = Path(),
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the digests of an agency's keys on chain, and open its logs for this node's operator.

    Example: `cityledger node link HEALTH --folder .cityledger/node --devnet-account 3`

    Signed by the agency's account. Nothing that is on chain already is changed, so it may be run again. A log
    that is halted because the chain has leaves that this node's database does not have is closed, and a new
    one is opened that names it as its predecessor; a log that was given to another operator is taken back,
    and one of a former operator of this node is handed over.
    """
    from cityledger.anchoring.continuation import LogContinuation
    from cityledger.chain.contracts.record_ledger import operates_any
    from cityledger.cli.chain_options import open_chain
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring
    from cityledger.key_sources.own_operator import verify_own
    from cityledger.node.lock import verify_restored
    from cityledger.settings import load_settings
    from cityledger.types import Address, LogKind

    settings = load_settings(folder, os.environ)
    verify_restored(folder)
    access = open_chain(settings.rpc_url, settings.manifest)
    number = access.agency(agency)
    keyring = open_keyring(settings, secret_of(settings, os.environ))
    keys = keyring.agency(number)
    signing = signer(access.manifest.chain_id, account, password_file, devnet_account)
    own, operator = keyring.own_accounts(), Address(settings.operator)
    if keyring.operators():  # else each agency decides by this command whose its logs are
        verify_own(keyring, operator, lambda: operates_any(access.contracts.ledger, operator, [number]))
    published = _publish(access, signing, number, keys)
    continuation = LogContinuation(
        access.contracts.ledger,
        lambda call: send(access, signing, call),
        number,
        operator,
        known_logs(settings.database_url),
        own,
    )
    logs = {f"{kind.name.lower()} log": continuation.open_log(kind) for kind in LogKind}
    print_fields({"agency": number, "keys": published, **logs}, as_json=as_json)
    note(f"next: cityledger node check --folder {folder}")


def _publish(access: ChainAccess, account: LocalAccount, agency: AgencyId, keys: AgencyKeys) -> str:
    """Registers the keyring's keys; returns "published" for the first, "rotated" where others were
    registered, and "unchanged" where these are."""
    from cityledger.checks.indexed import digests_of

    registry = access.contracts.agencies
    found = registry.find_agency(agency, "latest")
    if found is None:
        raise NotFoundError(f"agency: {agency}")
    wanted = digests_of(keys)
    registered = (found.sealing_key_digest, found.credential_key_digest)
    if registered == wanted:
        return "unchanged"
    send(access, account, registry.rotate_keys(agency, *wanted))
    return "published" if registered == (bytes(32), bytes(32)) else "rotated"


def known_logs(database_url: str) -> dict[LogId, LogHead] | None:
    """The logs that a node's database writes; None where it has no schema yet."""
    from cityledger.errors import ConfigurationError
    from cityledger.store.anchoring.logs import list_heads
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema

    with closing(Database(database_url)) as database:
        try:
            verify_schema(database)
        except ConfigurationError:
            return None
        with database.reading() as connection:
            return {head.log: head for head in list_heads(connection)}
