"""``cityledger node link``: registers an agency's keys on chain, and opens its logs."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
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

    from cityledger.chain.contracts.record_ledger import Log
    from cityledger.cli.chain_options import ChainAccess
    from cityledger.sealing.agency_keys import AgencyKeys
    from cityledger.store.logs import LogHead
    from cityledger.types import Address, AgencyId, LogId, LogKind


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
    known = known_logs(settings.database_url)
    desk = _Desk(access, signing, number, operator, known, own)
    logs = {kind.name.lower(): desk.open_log(kind) for kind in LogKind}
    told: dict[str, object] = {f"{name} log": log for name, log in logs.items()}
    print_fields({"agency": number, "keys": published, **told}, as_json=as_json)
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
    """The digest to register for the agency's credential key; zero for none."""
    from cityledger.client.credentials import key_thumbprint

    return bytes(32) if keys.credential_key is None else key_thumbprint(keys.credential_key)


def _fits(log: Log, agency: AgencyId, kind: LogKind, operator: Address) -> bool:
    return (log.agency, log.kind, log.operator) == (agency, kind, operator) and not log.closed


def _publish(access: ChainAccess, account: LocalAccount, agency: AgencyId, keys: AgencyKeys) -> str:
    """Registers the keyring's keys; returns "published" for the first, "rotated" where others were
    registered, and "unchanged" where these are."""
    registry = access.contracts.agencies
    found = registry.find_agency(agency, "latest")
    if found is None:
        raise NotFoundError(f"agency: {agency}")
    wanted = (keys.sealing_key.digest, credential_digest(keys))
    registered = (found.sealing_key_digest, found.credential_key_digest)
    if registered == wanted:
        return "unchanged"
    send(access, account, registry.rotate_keys(agency, *wanted))
    return "published" if registered == (bytes(32), bytes(32)) else "rotated"


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the agency's account does for the logs of one node. ``known`` is None where the node has no
    database yet.
    """

    access: ChainAccess
    account: LocalAccount
    agency: AgencyId
    operator: Address
    known: Mapping[LogId, LogHead] | None
    own: Collection[Address]
    """Accounts of this node: the logs of a former operator are handed over."""

    def open_log(self, kind: LogKind) -> LogId | None:
        """The log that the node writes from now on, opened unless there is one that it can write."""
        self._take_back(kind)
        found = find_log(self.access, self.agency, kind, self.operator)
        if found is None or self._is_lost(found):
            call = self.access.contracts.ledger.open_log
            send(
                self.access,
                self.account,
                call(self.agency, kind, self.operator, self._predecessor(kind, found)),
            )
        self._close_lost(kind)
        return find_log(self.access, self.agency, kind, self.operator)

    def _take_back(self, kind: LogKind) -> None:
        ledger = self.access.contracts.ledger
        for head in self._heads(kind):
            held = ledger.find_log(head.log, "latest")
            is_elsewhere = held is not None and not held.closed and held.operator != self.operator
            is_formers = held is not None and held.operator in self.own
            if is_elsewhere and (head.halted == "refused-operator" or is_formers):
                send(self.access, self.account, ledger.set_operator(head.log, self.operator))

    def _is_lost(self, log: LogId) -> bool:
        """Whether the database can never write this log again: it does not know its numbers."""
        if self.known is None:
            return False
        head = self.known.get(log)
        if head is None:
            held = self.access.contracts.ledger.find_log(log, "latest")
            return held is not None and held.next > 0
        return head.halted in _LOST

    def _predecessor(self, kind: LogKind, found: LogId | None) -> LogId | None:
        """The newest log of the agency and kind that this node wrote, or that its operator was given."""
        if found is not None:
            return found
        return max((head.log for head in self._heads(kind)), default=None)

    def _close_lost(self, kind: LogKind) -> None:
        """After the successor is open: killed in between, a second run finds it and only closes."""
        ledger = self.access.contracts.ledger
        for head in self._heads(kind):
            held = ledger.find_log(head.log, "latest")
            if head.halted in _LOST and held is not None and not held.closed:
                send(self.access, self.account, ledger.close_log(head.log))

    def _heads(self, kind: LogKind) -> list[LogHead]:
        known = () if self.known is None else self.known.values()
        return [head for head in known if (head.agency, head.kind) == (self.agency, kind)]


_LOST = ("chain-ahead", "other-root")
"""Causes after which it is not known which leaves have the log's next numbers."""


def known_logs(database_url: str) -> dict[LogId, LogHead] | None:
    """The logs that a node's database writes; None where it has no schema yet."""
    from cityledger.errors import ConfigurationError
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema
    from cityledger.store.logs import list_heads

    with closing(Database(database_url)) as database:
        try:
            verify_schema(database)
        except ConfigurationError:
            return None
        with database.reading() as connection:
            return {head.log: head for head in list_heads(connection)}
