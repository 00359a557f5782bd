"""``cityledger node restore``: make a node of a backup, and destroy again what was erased since."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node_backup import BackupArgument
from cityledger.cli.node_lock import RESTORING_NAME
from cityledger.cli.output import JsonOption, note, print_fields, progress
from cityledger.errors import ConfigurationError

if TYPE_CHECKING:
    from cityledger.recovery.backup_manifest import BackupManifest
    from cityledger.recovery.restore import ChainNext, Restored
    from cityledger.recovery.tombstone_replay import Refused, Trust
    from cityledger.settings import Settings
    from cityledger.types import LogId

NodeFolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="New folder.", file_okay=False)
]
Told = Callable[[str], None]


def restore(
    source: BackupArgument,
    folder: NodeFolderOption = Path(),
    tombstones: Annotated[
        Path | None,
        typer.Option(
            "--tombstones", help="Folder of more tombstone objects, e.g. of a lost bucket.", file_okay=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a node of a backup, in an empty folder and database; SQLite or PostgreSQL, whatever it came from.

    Example: `cityledger node restore /backups/health --folder .cityledger/node`

    A cityledger.toml that is in the folder already is used, else the backup's. Before anything may be served,
    what was erased since the backup is destroyed again, by the tombstones in the object store. A log of
    which the chain holds more than the backup is halted. A restore that was cut off may be run again.
    """
    from cityledger.cli.node_lock import sole_process
    from cityledger.recovery.backup import verify_backup
    from cityledger.sealing.private_files import make_private_directory

    with progress("restore", None) as told:
        manifest = verify_backup(source, told)
        make_private_directory(folder)
        with sole_process(folder, restores=True):
            _begin(folder, manifest)
            settings = _place_files(source, folder, manifest)
            restored, refused = _fill(source, settings, manifest, tombstones, told)
            (folder / RESTORING_NAME).unlink()
    _tell(folder, restored, refused, as_json=as_json)


def _begin(folder: Path, manifest: BackupManifest) -> None:
    """Marks the folder, or goes on with the same restore.

    Raises:
        ConfigurationError: the folder holds something.
    """
    from cityledger.cli.node_lock import LOCK_NAME
    from cityledger.sealing.private_files import write_private_file
    from cityledger.settings import FILE_NAME

    marker, wanted = folder / RESTORING_NAME, {"state": manifest.state}
    if marker.exists():
        if json.loads(marker.read_bytes()) != wanted:
            raise ConfigurationError(f"a restore of another backup into {folder} was cut off; empty it first")
        return
    held = {path.name for path in folder.iterdir()} - {LOCK_NAME, FILE_NAME}
    if held:
        raise ConfigurationError(f"{folder} holds {', '.join(sorted(held))} already; nothing was changed")
    write_private_file(marker, json.dumps(wanted).encode() + b"\n")


def _place_files(source: Path, folder: Path, manifest: BackupManifest) -> Settings:
    """Settings, keyring and deployment where the settings say."""
    from cityledger.sealing.private_files import make_private_directory, write_private_file
    from cityledger.settings import FILE_NAME, load_settings

    state = source / manifest.state
    if not (folder / FILE_NAME).exists():
        write_private_file(folder / FILE_NAME, (state / FILE_NAME).read_bytes())
    settings = load_settings(folder, os.environ)
    placed = {
        settings.keyring / name.removeprefix("keyring/"): state / name
        for name in manifest.files
        if name.startswith("keyring/")
    }
    for path, held in {**placed, settings.manifest: state / "deployment.json"}.items():
        if path.exists() and path.read_bytes() != held.read_bytes():
            raise ConfigurationError(f"{path} is there already and is another; move it away, then run again")
        make_private_directory(path.parent)
        write_private_file(path, held.read_bytes())
    return settings


def _fill(
    source: Path, settings: Settings, manifest: BackupManifest, tombstones: Path | None, told: Told
) -> tuple[Restored, tuple[Refused, ...]]:
    from cityledger.recovery.restore import (
        find_restored,
        restore_database,
        restore_objects,
        verify_restorable,
    )
    from cityledger.recovery.tombstone_replay import gather
    from cityledger.store.database import Database
    from cityledger.store.objects import Objects

    trust, chain_next = _trust(settings)
    objects = Objects.open(settings.object_store_url)
    with closing(Database(settings.database_url)) as database:
        if (done := find_restored(database, manifest)) is not None:  # cut off between database and end
            return done, ()
        verify_restorable(manifest, database)
        found = gather(objects, tombstones, trust)
        restore_objects(source, manifest, objects, told)
        restored = restore_database(
            source, manifest, database, objects, found.tombstones, chain_next, int(time.time()), told
        )
    return restored, found.refused


def _trust(settings: Settings) -> tuple[Trust, ChainNext]:
    """Whose tombstones count, and how far each log is on chain."""
    from cityledger.chain.contracts import contracts_of
    from cityledger.chain.deployment import verify_manifest
    from cityledger.chain.endpoint import connect
    from cityledger.chain.manifest import load_manifest
    from cityledger.cli.node_secret import secret_of
    from cityledger.proofs.leaves import ReceiptDomain
    from cityledger.recovery.tombstone_replay import Trust
    from cityledger.sealing.keyring import Keyring

    keyring = Keyring.open(settings.keyring, secret_of(settings, os.environ))
    manifest = load_manifest(settings.manifest)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    verify_manifest(endpoint, manifest, str(settings.manifest))
    ledger = contracts_of(endpoint, manifest).ledger

    def chain_next(log: LogId) -> int | None:
        found = ledger.find_log(log, "latest")
        return None if found is None else found.next

    domain = ReceiptDomain(settings.chain_id, manifest.address("RecordLedger"))
    return Trust(manifest.instance, domain, frozenset(keyring.accounts())), chain_next


def _tell(folder: Path, restored: Restored, refused: tuple[Refused, ...], *, as_json: bool) -> None:
    told = {"folder": str(folder), "erased_again": restored.replayed, "halted_logs": list(restored.halted)}
    print_fields({**told, "refused_tombstones": [one.name for one in refused]}, as_json=as_json)
    for one in refused:
        note(f"tombstone {one.name} was not obeyed: {one.reason}; find out who wrote it")
    note(f"1. cityledger node rebuild --folder {folder}  (or let serving read the chain again)")
    note(f"2. cityledger node check --folder {folder}")
    if restored.halted:
        note(
            "3. the chain holds leaves that the backup lacks: for each agency of a halted log,"
            f" `cityledger node link AGENCY --folder {folder}` opens a log that continues it"
        )
    note(f"{4 if restored.halted else 3}. cityledger node serve --folder {folder}")
