"""Revocation lists for ``cityledger node restore``: where they come from, and what is said of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from cityledger.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cityledger.recovery.backup.verified_copy import VerifiedBackup
    from cityledger.recovery.restore.revocations import FoundLists, Grounds
    from cityledger.settings import Settings
    from cityledger.store.sessions.revocations import RevocationList
    from cityledger.types import Agency, AgencyId


def gather_lists(settings: Settings, backup: VerifiedBackup, folder: Path | None) -> FoundLists:
    """The lists in the object store and in ``folder``, checked against the backup and the registry.

    Raises:
        UnavailableError: the object store does not answer.
        ChainError: the chain does not.
    """
    from cityledger.recovery.restore import revocations
    from cityledger.store.objects import Objects

    grounds = _grounds(settings, backup)
    return revocations.gather_lists(Objects.open(settings.object_store_url), folder, grounds)


def _grounds(settings: Settings, backup: VerifiedBackup) -> Grounds:
    from cityledger.recovery.backup.backup import reading_copy
    from cityledger.recovery.backup.manifest import DATABASE
    from cityledger.recovery.restore.revocations import Grounds
    from cityledger.store.sessions.revocations import list_awaited, list_stored

    with reading_copy(backup.state / DATABASE) as connection:
        stored, awaited = list_stored(connection), list_awaited(connection)
    return Grounds(_verifier(settings), registry_of(settings), stored, awaited)


def _verifier(settings: Settings) -> Callable[[str], RevocationList]:
    from cityledger.api.revocations.signed_list import verify_revocation_list
    from cityledger.chain.manifest import load_manifest

    instance, now = load_manifest(settings.manifest).instance, now_of(settings)
    return lambda text: verify_revocation_list(text, instance=instance, now=now)


def now_of(settings: Settings) -> int:
    """Unix seconds as the node will count them: a devnet's clock may be ahead."""
    from cityledger.devnet_clock import follow_offset

    offset = 0 if settings.devnet_state is None else follow_offset(settings.devnet_state)()
    return int(time.time()) + offset


def registry_of(settings: Settings) -> Callable[[AgencyId], Agency | None]:
    """Asks the chain, the first time an agency is asked about, what the registry holds of it."""
    from functools import cache

    from cityledger.chain.contracts import Contracts, contracts_of
    from cityledger.chain.deploy.deployment import verify_manifest
    from cityledger.chain.manifest import load_manifest
    from cityledger.chain.rpc.endpoint import connect

    @cache
    def contracts() -> Contracts:
        manifest = load_manifest(settings.manifest)
        endpoint = connect(settings.rpc_url, settings.chain_id)
        verify_manifest(endpoint, manifest, str(settings.manifest))
        return contracts_of(endpoint, manifest)

    return cache(lambda agency: contracts().agencies.find_agency(agency, "latest"))


def codes_of(settings: Settings, agencies: Sequence[AgencyId]) -> list[str]:
    """The agencies' codes on the chain; the number of one that is not there."""
    registry = registry_of(settings)
    return [str(one) if (found := registry(one)) is None else found.code for one in agencies]


def remark_lists(found: FoundLists) -> None:
    """An empty object store looks as if no list was ever put, also where it is a new one."""
    if not found.lists and not found.refused:
        note(
            "no revocation list was found: an agency's first list, if it was put since the backup, is not"
            " known. Where the lost node's object store is elsewhere, begin again, with --revocations FOLDER"
        )


def note_awaited(codes: Sequence[str]) -> None:
    """Names the agencies none of whose assertions are accepted yet, and what they have to do."""
    for code in codes:
        note(
            f"the newest revocation list of {code} is not known: its assertions are refused until"
            f" `cityledger officer revoke {code} SUB… --whole` puts its whole list again"
        )
