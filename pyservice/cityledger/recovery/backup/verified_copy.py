"""A private copy of a backup, checked as it is written.

Others may be able to write to the folder of a backup, and could replace files after they were verified
there; so a restore reads only the copy, and checks each object again as it writes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cityledger.errors import StorageFullError
from cityledger.recovery.backup.backup import bytes_of, verify_objects
from cityledger.recovery.backup.files import make_folders, verified_chunks, write_chunks
from cityledger.recovery.backup.manifest import BackupManifest
from cityledger.recovery.progress import OnProgress, counting, silent


@dataclass(frozen=True, slots=True)
class VerifiedBackup:
    """``state`` is the copy: database, keyring, settings, deployment and the list of objects. ``folder`` is
    the backup's own: each of its objects must be checked again as it is read.
    """

    manifest: BackupManifest
    state: Path
    folder: Path


@contextmanager
def verified_copy(
    folder: Path, manifest: BackupManifest, place: Path, on_progress: OnProgress = silent
) -> Iterator[VerifiedBackup]:
    """Copies the backup in ``folder`` to ``place``, without its objects, each of which is read once. The copy
    is removed at the end, and so is one that an earlier run left there.

    Raises:
        VerificationError: a file was changed since the backup; names it.
        StorageFullError: the disk has too little space for the copy.
    """
    remove_copy(place)
    try:
        make_folders(place)
        add = counting(on_progress, "bytes", bytes_of(manifest))
        for name, wanted in manifest.files.items():
            write_chunks(place, name, verified_chunks(folder, f"{manifest.state}/{name}", wanted, add))
        verify_objects(folder, place, manifest, add)
        yield VerifiedBackup(manifest, place, folder)
    finally:
        remove_copy(place)


def remove_copy(place: Path) -> None:
    """
    Raises:
        StorageFullError: it cannot be removed.
    """
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageFullError(f"{place} cannot be removed: {error.strerror}") from error
