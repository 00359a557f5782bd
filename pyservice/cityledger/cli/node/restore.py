"""``cityledger node restore``: make a node of a backup, destroy again what was erased since, and revoke again
which officers were revoked since."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.backup import BackupArgument
from cityledger.cli.node.restore_lists import codes_of, gather_lists, note_awaited, now_of, remark_lists
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.cli.progress import Report, progress
from cityledger.errors import ConfigurationError, VerificationError
from cityledger.node.lock import RESTORING_NAME

if TYPE_CHECKING:
    from cityledger.recovery.backup.manifest import BackupManifest
    from cityledger.recovery.backup.verified_copy import VerifiedBackup
    from cityledger.recovery.restore.restore import ChainNext, Restored
    from cityledger.recovery.restore.revocations import FoundLists
    from cityledger.recovery.restore.tombstones import Found, Refused
    from cityledger.sealing.keyring import Keyring
    from cityledger.settings import Settings
    from cityledger.types import Address, LogId

NodeFolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="New folder.", file_okay=False)
]
COPY_NAME = ".backup-copy"
"""Folder in the node's with the verified copy of the backup, while a restore runs."""


def restore(
    source: BackupArgument,
    folder: NodeFolderOption = Path(),
    tombstones: Annotated[
        Path | None,
        typer.Option(
            "--tombstones", help="Folder of more tombstone objects, e.g. of a lost bucket.", file_okay=False
        ),
    ] = None,
    revocations: Annotated[
        Path | None,
        typer.Option(
            "--revocations",
            help="Folder of more revocation list objects, e.g. of a lost bucket.",
            file_okay=False,
        ),
    ] = None,
    without_refused_tombstones: Annotated[
        bool,
        typer.Option(
            "--without-refused-tombstones",
            help="Restore although tombstones of these logs cannot be obeyed: what they erased comes back.",
        ),
    ] = False,
    without_refused_lists: Annotated[
        bool,
        typer.Option(
            "--without-refused-lists",
            help="Restore although revocation lists cannot be verified: the agencies that they name have to"
            " put theirs again.",
        ),
    ] = False,
    signed_by: Annotated[
        list[str] | None,
        typer.Option(
            "--signed-by",
            metavar="ACCOUNT",
            help="An operator that must have signed the backup; its tombstones are obeyed. For each that"
            " the keyring does not remember.",
        ),
    ] = None,
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned",
            help="Restore whatever the signature is: any person who can write to the backup decides what the"
            " node holds and runs.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a node of a backup, in an empty folder and database; SQLite or PostgreSQL, whatever it came from.

    Example: `cityledger node restore /backups/health --folder .cityledger/node`

    A cityledger.toml that is in the folder already is used, else the backup's. The backup must be signed by
    an account of its keyring, or by one that --signed-by names. Before anything may be served, what was
    erased since the backup is destroyed again, by the tombstones in the object store, and the revocation
    lists there that are newer take effect. An agency whose newest list is not known has to put it again.
    A log of which the chain holds more than the backup is halted. A restore that was cut off may be run
    again.
    """
    from cityledger.node.lock import sole_process
    from cityledger.recovery.backup import manifest as backup_manifest
    from cityledger.recovery.backup.verified_copy import verified_copy
    from cityledger.sealing.private_files import make_private_directory
    from cityledger.types import Address

    with progress("restore") as report:
        manifest = backup_manifest.load(source)
        make_private_directory(folder)
        with ExitStack() as stack:
            stack.enter_context(sole_process(folder, restores=True))
            _verify_free(folder, manifest)
            # From here on nothing of the backup is read but this copy, and objects that are checked again.
            copying = stack.enter_context(ExitStack())
            backup = copying.enter_context(verified_copy(source, manifest, folder / COPY_NAME, report))
            _begin(folder, manifest)
            keyring = _open_keyring(backup, folder, is_believed=bool(signed_by) or unsigned)
            signers = frozenset(map(Address, signed_by) if signed_by else keyring.own_accounts())
            _verify_signature(manifest, signers, must_be=not unsigned)
            # Only now: settings say where files are written, and which programs give keys.
            settings = _place_files(backup, folder)
            erased = _gather(settings, manifest, signers | set(keyring.own_accounts()), tombstones)
            lists = gather_lists(settings, backup, revocations)
            _verify_waived(
                () if without_refused_tombstones else erased.refused,
                () if without_refused_lists else lists.refused,
            )
            _remark(erased)
            remark_lists(lists)
            restored = _fill(backup, settings, erased, lists, report)
            awaited = codes_of(settings, restored.awaited)
            copying.close()  # first: a crash here leaves the mark, so no node serves next to the copy's keys
            (folder / RESTORING_NAME).unlink()
    _tell(folder, restored, awaited, (erased.refused, lists.refused), as_json=as_json)


def _remark(erased: Found) -> None:
    """An empty object store looks as if nothing was erased since the backup, also where it is a new one."""
    if not erased.tombstones and not erased.refused:
        note(
            "no tombstone of these logs was found: what was erased since the backup, if anything, comes back."
            " Where the lost node's object store is elsewhere, begin again, with --tombstones FOLDER"
        )


def _verify_free(folder: Path, manifest: BackupManifest) -> None:
    """
    Raises:
        ConfigurationError: the folder holds something else than what the same restore left.
    """
    from cityledger.node.lock import LOCK_NAME
    from cityledger.settings import FILE_NAME

    marker = folder / RESTORING_NAME
    if marker.exists():
        if json.loads(marker.read_bytes()) != _mark(manifest):
            raise ConfigurationError(f"a restore of another backup into {folder} was cut off; empty it first")
        return
    existing = {path.name for path in folder.iterdir()} - {LOCK_NAME, FILE_NAME, COPY_NAME}
    if existing:
        raise ConfigurationError(f"{folder} holds {', '.join(sorted(existing))} already; nothing was changed")


def _begin(folder: Path, manifest: BackupManifest) -> None:
    """Marks the folder as one that no command may use until the restore ends."""
    from cityledger.sealing.private_files import write_private_file

    write_private_file(folder / RESTORING_NAME, json.dumps(_mark(manifest)).encode() + b"\n")


def _mark(manifest: BackupManifest) -> dict[str, str]:
    return {"state": manifest.state}


def _place_files(backup: VerifiedBackup, folder: Path) -> Settings:
    """Settings, keyring and deployment where the settings say."""
    from cityledger.sealing.private_files import make_private_directory, write_private_file
    from cityledger.settings import FILE_NAME, load_settings

    state = backup.state
    if not (folder / FILE_NAME).exists():
        write_private_file(folder / FILE_NAME, (state / FILE_NAME).read_bytes())
    settings = load_settings(folder, os.environ)
    placed = {
        settings.keyring / name.removeprefix("keyring/"): state / name
        for name in backup.manifest.files
        if name.startswith("keyring/")
    }
    for path, copied in {**placed, settings.manifest: state / "deployment.json"}.items():
        if path.exists() and path.read_bytes() != copied.read_bytes():
            raise ConfigurationError(f"{path} exists already and differs; move it away, then run again")
        make_private_directory(path.parent)
        write_private_file(path, copied.read_bytes())
    return settings


def _open_keyring(backup: VerifiedBackup, folder: Path, *, is_believed: bool) -> Keyring:
    """The backup's keyring, in its copy; vault keys that are kept outside of it stay closed.

    Raises:
        ConfigurationError: the backup itself names the key file, so that its writer could have made another
            keyring for it, and not ``is_believed``.
    """
    from cityledger.cli.node.secret import secret_of
    from cityledger.sealing.keyring import Keyring
    from cityledger.sealing.wrap import VaultKey
    from cityledger.settings import FILE_NAME
    from cityledger.settings.node import load_settings, node_sources

    own, theirs = folder / FILE_NAME, backup.state / FILE_NAME
    place = folder if own.exists() else theirs.parent
    settings = load_settings(place, os.environ)
    is_theirs = place != folder or own.read_bytes() == theirs.read_bytes()
    is_of_file = node_sources(place, os.environ).origins.get("key_file") == FILE_NAME
    if settings.key_file is not None and is_theirs and is_of_file and not is_believed:
        raise ConfigurationError(
            "the backup itself names the key file that opens it; name it in CITYLEDGER_KEY_FILE, or the"
            " backup's operator by --signed-by"
        )
    return Keyring.open(
        theirs.parent / "keyring",
        secret_of(settings, os.environ),
        lambda _agency, epoch: VaultKey(epoch, bytes(32), is_outside=True),  # nothing is opened with it
    )


def _verify_signature(manifest: BackupManifest, accounts: frozenset[Address], *, must_be: bool) -> None:
    """A person who can write to a backup can exchange rows that no leaf covers, but not sign them.

    Raises:
        VerificationError: the signature is not by one of the accounts, and ``must_be``.
    """
    from cityledger.recovery.backup.signature import verify_signed_by

    try:
        verify_signed_by(manifest, accounts)
    except VerificationError as error:
        if must_be:
            raise VerificationError(
                f"{error}. Take another backup; --signed-by ACCOUNT names an operator that the keyring"
                " does not remember; --unsigned restores it as it is"
            ) from error
        note(f"{error}: rows that no leaf covers, such as the map of pseudonyms, may have been exchanged")


def _gather(
    settings: Settings, manifest: BackupManifest, accounts: frozenset[Address], folder: Path | None
) -> Found:
    from cityledger.chain.manifest import load_manifest
    from cityledger.proofs.leaves import ReceiptDomain
    from cityledger.recovery.restore.tombstones import Trust, gather
    from cityledger.store.objects import Objects
    from cityledger.types import LogId

    deployment = load_manifest(settings.manifest)
    domain = ReceiptDomain(settings.chain_id, deployment.address("RecordLedger"))
    logs = frozenset(LogId(int(log)) for log in manifest.logs)
    trust = Trust(deployment.instance, domain, accounts, logs)
    return gather(Objects.open(settings.object_store_url), folder, trust)


def _verify_waived(tombstones: tuple[Refused, ...], lists: tuple[Refused, ...]) -> None:
    """
    Raises:
        VerificationError: some were refused that no option waives.
    """
    if tombstones or lists:
        raise VerificationError(_refusal(tombstones, lists))


def _refusal(tombstones: tuple[Refused, ...], lists: tuple[Refused, ...]) -> str:
    parts = []
    if tombstones:
        parts.append(
            f"{len(tombstones)} tombstones that concern this backup cannot be obeyed ({_named(tombstones)}):"
            " what they erased would come back. Correct them, name the account that signed them by"
            " --signed-by too, or decide for --without-refused-tombstones"
        )
    if lists:
        parts.append(
            f"{len(lists)} revocation lists cannot be verified ({_named(lists)}): officers that they revoke"
            " could sign in. Put the agency's own list in the place of each, or decide for"
            " --without-refused-lists: the agencies that they name then have to put theirs again"
        )
    return ". ".join(parts)


def _named(refused: tuple[Refused, ...]) -> str:
    return "; ".join(f"{one.name}: {one.reason}" for one in refused[:3])


def _fill(
    backup: VerifiedBackup, settings: Settings, erased: Found, lists: FoundLists, report: Report
) -> Restored:
    from cityledger.recovery.restore.restore import (
        is_restored,
        repeat_erasures,
        restore_database,
        restore_objects,
        verify_restorable,
    )
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.leadership import sole_user
    from cityledger.store.objects import Objects

    objects, now = Objects.open(settings.object_store_url), now_of(settings)
    with closing(Database(settings.database_url)) as database, sole_user(database):
        if is_restored(database, backup.manifest):  # cut off between database and end
            return repeat_erasures(backup, database, objects, erased.tombstones, now, lists)
        verify_restorable(backup.manifest, database)
        chain_next = _chain_next(settings)
        restore_objects(backup, objects, report)
        return restore_database(backup, database, objects, erased.tombstones, chain_next, now, report, lists)


def _chain_next(settings: Settings) -> ChainNext:
    """How far each log is on chain."""
    from cityledger.chain.contracts import contracts_of
    from cityledger.chain.deploy.deployment import verify_manifest
    from cityledger.chain.manifest import load_manifest
    from cityledger.chain.rpc.endpoint import connect

    manifest = load_manifest(settings.manifest)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    verify_manifest(endpoint, manifest, str(settings.manifest))
    ledger = contracts_of(endpoint, manifest).ledger

    def chain_next(log: LogId) -> int | None:
        found = ledger.find_log(log, "latest")
        return None if found is None else found.next

    return chain_next


def _tell(
    folder: Path,
    restored: Restored,
    awaited: list[str],
    refused: tuple[tuple[Refused, ...], tuple[Refused, ...]],
    *,
    as_json: bool,
) -> None:
    tombstones, lists = refused
    fields = {
        "folder": str(folder),
        "erased_again": restored.replayed,
        "halted_logs": list(restored.halted),
        "refused_tombstones": [one.name for one in tombstones],
        "refused_revocation_lists": [one.name for one in lists],
        "awaited_revocation_lists": awaited,
    }
    print_fields(fields, as_json=as_json)
    for one in tombstones:
        note(f"tombstone {one.name} was not obeyed: {one.reason}; find out who wrote it")
    for one in lists:
        note(f"revocation list {one.name} was not obeyed: {one.reason}; find out who wrote it")
    note_awaited(awaited)
    note(f"1. cityledger node rebuild --folder {folder}  (or let serving read the chain again)")
    note(f"2. cityledger node check --folder {folder}")
    if restored.halted:
        note(
            "3. the chain holds leaves that the backup lacks: for each agency of a halted log,"
            f" `cityledger node link AGENCY --folder {folder}` opens a log that continues it"
        )
    note(f"{4 if restored.halted else 3}. cityledger node serve --folder {folder}")
