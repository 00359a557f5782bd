"""``cityledger node backup``: keep what no chain can bring back, while the node serves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.cli.progress import Report, progress
from cityledger.errors import ConfigurationError

if TYPE_CHECKING:
    from cityledger.recovery.backup.manifest import BackupManifest
    from cityledger.settings import Settings

BackupArgument = Annotated[
    Path, typer.Argument(metavar="BACKUP", help="Folder of the backup.", file_okay=False)
]


def backup(
    target: BackupArgument,
    folder: NodeFolderOption = Path(),
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none; read every byte of the one that is there.")
    ] = False,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            metavar="DIR",
            help="Private folder for a copy of the database while the backup is made, of up to twice its"
            " size.  [default: the node's folder]",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy records, receipts, keyring, settings and objects into a folder. The node may continue to serve.

    Example: `cityledger node backup /backups/health --folder .cityledger/node`

    Run again, it copies only what is new; the previous backup stays valid until the new one is complete. It
    holds the keyring, sealed by its passphrase or key file, which are not in it: keep those elsewhere. Access
    tokens and the index are left out. The operator's account signs it; `--verify` checks every digest and
    that signature, and shows the account that signed.
    """
    with progress("backup") as report:
        manifest = _verify(target, report) if verify else _make(target, folder, workspace or folder, report)
    print_fields(_fields(target, manifest), as_json=as_json)
    if not verify:
        note(f"next: cityledger node backup {target} --verify, and copy the folder off this machine")


def _verify(target: Path, report: Report) -> BackupManifest:
    from cityledger.recovery.backup.backup import verify_backup
    from cityledger.recovery.backup.signature import verify_signed_by
    from cityledger.types import Address

    manifest = verify_backup(target, report)
    verify_signed_by(manifest, [Address(manifest.operator)])
    return manifest


def _make(target: Path, folder: Path, workspace: Path, report: Report) -> BackupManifest:
    from cityledger.chain.manifest import load_manifest
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring, open_operator
    from cityledger.key_sources.own_operator import verify_own
    from cityledger.node.lock import verify_restored
    from cityledger.proofs.leaves import ReceiptDomain
    from cityledger.recovery.backup.backup import Source, make_backup
    from cityledger.recovery.backup.workspace import workspace_of
    from cityledger.sealing.key_turns import using_all_keys
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import SCHEMA_VERSION, verify_schema
    from cityledger.store.objects import Objects
    from cityledger.types import Address

    if workspace.resolve().is_relative_to(target.resolve()):
        raise ConfigurationError(
            "--workspace is in the backup's folder, to which others may write; name another"
        )
    settings = load_settings(folder, os.environ)
    verify_restored(folder)  # the new backup would take the place of the one that is being restored
    keyring = open_keyring(settings, secret_of(settings, os.environ))
    operator = open_operator(settings, keyring)
    verify_own(keyring, Address(operator.address), lambda: False)  # a new one is stored when the node starts
    deployment = load_manifest(settings.manifest)
    with (
        using_all_keys(settings.keyring),
        closing(Database(settings.database_url)) as database,
        workspace_of(workspace) as private,
    ):
        verify_schema(database)
        source = Source(
            database=database,
            objects=Objects.open(settings.object_store_url),
            instance=deployment.instance,
            domain=ReceiptDomain(settings.chain_id, deployment.address("RecordLedger")),
            operator=operator,
            schema=SCHEMA_VERSION,
            files=partial(_files, settings, folder),
            workspace=private,
        )
        return make_backup(target, source, int(time.time()), report)


def _files(settings: Settings, folder: Path) -> Mapping[str, Path]:
    from cityledger.settings import FILE_NAME

    keyring = {
        f"keyring/{path.relative_to(settings.keyring).as_posix()}": path
        for path in sorted(settings.keyring.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    return {FILE_NAME: folder / FILE_NAME, "deployment.json": settings.manifest, **keyring}


def _fields(target: Path, manifest: BackupManifest) -> dict[str, object]:
    return {
        "backup": str(target),
        "made_at": manifest.made_at,
        "signed_by": manifest.operator,
        "block": manifest.cursor,
        "logs": len(manifest.logs),
        "leaves": sum(manifest.logs.values()),
        "objects": manifest.objects,
        "object_bytes": manifest.object_bytes,
        "database_bytes": manifest.files["database.db"].bytes,
    }
