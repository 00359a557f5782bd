"""Backups: a consistent snapshot of the data that the chain cannot restore, made while the node serves.

::

    manifest.json             what the backup holds; written last
    state-<random>/           database.db, keyring/…, cityledger.toml, deployment.json, objects.list
    objects/<key>             sealed parts; never changed, so a later backup copies only the new ones
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from cityledger.errors import ConfigurationError, NotFoundError, StorageFullError, VerificationError
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup.confined_files import remove_below
from cityledger.recovery.backup.files import (
    ListedObject,
    chunks_of,
    line_of,
    list_objects,
    make_folders,
    sync_folder,
    verified,
    verify_file,
    write_chunks,
)
from cityledger.recovery.backup.manifest import DATABASE, OBJECT_LIST, BackupManifest, File
from cityledger.recovery.backup.open_leaves import close_open_leaves
from cityledger.recovery.backup.own_tables import OWN_TABLES, copy_rows, count_rows
from cityledger.recovery.backup.signature import signed
from cityledger.recovery.backup.workspace import LOCK, locked, scratch_folder, verify_room
from cityledger.recovery.progress import OnProgress, counting, silent
from cityledger.signing import Account
from cityledger.store.anchoring import logs
from cityledger.store.engine.database import Database
from cityledger.store.index.queries import find_cursor
from cityledger.store.objects import Objects
from cityledger.store.records.versions import is_object_needed
from cityledger.store.schema import metadata
from cityledger.store.tables import import_job, record_part, record_version

_STATE = re.compile(r"state-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Source:
    """The node to back up. ``files`` are its other files, by their names in the backup. ``operator`` signs
    the manifest, in ``domain``. The database is copied in ``workspace``, a private folder (by default the
    system's folder for temporary files): others may be able to write to the backup's folder.
    """

    database: Database
    objects: Objects
    instance: bytes
    domain: ReceiptDomain
    operator: Account
    schema: str
    files: Callable[[], Mapping[str, Path]]
    workspace: Path | None = None


def make_backup(folder: Path, source: Source, now: int, on_progress: OnProgress = silent) -> BackupManifest:
    """Creates or renews the backup in ``folder``; the previous one remains until this one is complete.

    Raises:
        ConfigurationError: the folder holds something else, or the backup of another node.
        VerificationError: an object is missing or damaged: `cityledger node scrub` reports more.
        StorageFullError, UnavailableError: the previous backup is unchanged.
    """
    _verify_target(folder, source)
    verify_room(source.workspace, source.database)
    make_folders(folder)
    with locked(folder), scratch_folder(source.workspace) as private:
        database, state = private / DATABASE, f"state-{os.urandom(8).hex()}"
        with suppress(StorageFullError):  # a backup must be possible while the disk is full
            close_open_leaves(source.database, now)
        facts = _copy_database(database, source, on_progress)
        # After the rows: a vault key that they need is older than they are, and none is dropped while the
        # caller holds ``using_all_keys``.
        files = {
            name: write_chunks(folder, f"{state}/{name}", chunks_of(path))
            for name, path in source.files().items()
        }
        files[OBJECT_LIST], count, total = _copy_objects(folder, state, database, source, on_progress)
        # Described as it is written, so that the signature does not cover a later replacement.
        files[DATABASE] = write_chunks(folder, f"{state}/{DATABASE}", chunks_of(database))
        manifest = BackupManifest(
            instance="0x" + source.instance.hex(),
            operator=source.operator.address,
            schema=source.schema,
            made_at=now,
            state=state,
            files=files,
            objects=count,
            object_bytes=total,
            chain_id=source.domain.chain_id,
            ledger=source.domain.ledger,
            **facts,  # type: ignore[arg-type]
        )
        sync_folder(folder)
        manifest = signed(manifest, source.operator)
        backup_manifest.save(folder, manifest)
        _drop_older(folder, manifest)
    return manifest


def verify_backup(folder: Path, on_progress: OnProgress = silent) -> BackupManifest:
    """Reads every byte of a backup.

    Raises:
        ConfigurationError: no backup is complete there.
        VerificationError: a file was changed; names it.
    """
    manifest = backup_manifest.load(folder)
    add = counting(on_progress, "bytes", bytes_of(manifest))
    for name, wanted in manifest.files.items():
        verify_file(folder, f"{manifest.state}/{name}", wanted, add)
    verify_objects(folder, folder / manifest.state, manifest, add)
    return manifest


def verify_objects(folder: Path, state: Path, manifest: BackupManifest, add: Callable[[int], None]) -> None:
    """Reads every object that the list in ``state`` names; ``add`` is called with the length of each chunk.

    Raises:
        VerificationError: one was changed; names it.
    """
    for one in list_objects(state, manifest):
        verify_file(folder, f"objects/{one.key}", one.file, add)


def bytes_of(manifest: BackupManifest) -> int:
    """All of its files and objects."""
    return manifest.object_bytes + sum(one.bytes for one in manifest.files.values())


def _verify_target(folder: Path, source: Source) -> None:
    existing = backup_manifest.find(folder)
    if existing is not None:
        if (existing.instance, existing.operator) != ("0x" + source.instance.hex(), source.operator.address):
            raise ConfigurationError(f"{folder} holds the backup of another node; nothing was changed")
        return
    # Files of an interrupted backup are ours; any other file is not.
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if any(
        not _STATE.fullmatch(name) and name not in (LOCK, "objects", ".manifest.json.tmp") for name in names
    ):
        raise ConfigurationError(f"{folder} holds files that are not a backup; name an empty folder")


def _copy_database(file: Path, source: Source, on_progress: OnProgress) -> dict[str, object]:
    """Writes a snapshot of the own tables; returns its facts for the manifest."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(Database(f"sqlite:///{file.resolve()}")) as copy:
        metadata.create_all(copy.engine, tables=OWN_TABLES)
        with source.database.reading() as reading, copy.writing() as writing:
            add = counting(on_progress, "rows", count_rows(reading))
            for table in OWN_TABLES:
                copy_rows(reading, writing, table, add)
            cursor = find_cursor(reading)
            next_numbers = {str(head.log): head.next_seq for head in logs.list_heads(reading)}
    _fold_log(file)
    return {
        "cursor": None if cursor is None else cursor.number,
        "cursor_hash": None if cursor is None else "0x" + cursor.hash.hex(),
        "logs": next_numbers,
    }


def _fold_log(file: Path) -> None:
    """Moves everything into the one file: a write-ahead log next to it would not be copied."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StorageFullError("the copy of the database cannot be written: is its disk full?") from error


@contextmanager
def reading_copy(file: Path) -> Iterator[sa.Connection]:
    """Reads a backup's database without changing it or creating files next to it."""
    engine = sa.create_engine(
        f"sqlite:///file:{quote(str(file.resolve()))}?mode=ro&immutable=1&uri=true", hide_parameters=True
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _copy_objects(
    folder: Path, state: str, database: Path, source: Source, on_progress: OnProgress
) -> tuple[File, int, int]:
    count = total = 0

    def lines() -> Iterator[bytes]:
        nonlocal count, total
        with reading_copy(database) as copy:
            add = counting(on_progress, "objects", _count_objects(copy))
            for key, wanted in _named_objects(copy):
                file = _copy_object(folder, key, wanted, source)
                add(1)
                if file is not None:
                    count, total = count + 1, total + file.bytes
                    yield line_of(ListedObject(key, file))

    return write_chunks(folder, f"{state}/{OBJECT_LIST}", lines()), count, total


def _named_objects(copy: sa.Connection) -> Iterator[tuple[str, File | None]]:
    """Keys of all objects that can still be opened, with length and SHA-256 where the rows have them."""
    parts, imports = _object_queries()
    for key, length, digest in copy.execute(parts.execution_options(yield_per=500)):
        yield key, File(length, digest.hex())
    for key in copy.execute(imports.execution_options(yield_per=500)).scalars():
        yield key, None


def _count_objects(copy: sa.Connection) -> int:
    counts = (sa.select(sa.func.count()).select_from(query.subquery()) for query in _object_queries())
    return sum(copy.execute(query).scalar_one() for query in counts)


def _object_queries() -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Objects of parts, with digests, and of files that wait to be imported."""
    p, v = record_part.c, record_version.c
    of_version = (p.dataset == v.dataset) & (p.record == v.record) & (p.version == v.version)
    parts = (
        sa.select(p.object, p.sealed_bytes, p.digest)
        .select_from(record_part)
        .join(record_version, of_version)
        .where(p.object.is_not(None) & v.wrapped.is_not(None))
    )
    return parts, sa.select(import_job.c.object).where(import_job.c.object.is_not(None))


def _copy_object(folder: Path, key: str, wanted: File | None, source: Source) -> File | None:
    """Copies the object; None if it was erased after the snapshot."""
    name = f"objects/{key}"
    if wanted is not None and _is_copied(folder, name, wanted):
        return wanted
    try:
        return write_chunks(folder, name, _object(key, wanted, source.objects))
    except NotFoundError as error:
        if is_needed(source.database, key):
            raise VerificationError("an object of a row is missing: run `cityledger node scrub`") from error
        return None


def _is_copied(folder: Path, name: str, wanted: File) -> bool:
    """Returns whether an earlier backup copied it. A link is not read; writing refuses or replaces it."""
    try:
        verify_file(folder, name, wanted)
    except VerificationError:
        return False
    return True


def _object(key: str, wanted: File | None, objects: Objects) -> Iterator[bytes]:
    chunks = objects.get(key)
    message = "an object does not match its row: `cityledger node scrub` reports which"
    return chunks if wanted is None else verified(chunks, wanted, message)


def is_needed(database: Database, key: str) -> bool:
    """Returns whether a version that can be opened or a file that waits to be imported names the object."""
    with database.reading() as connection:
        importing = sa.select(import_job.c.id).where(import_job.c.object == key)
        return is_object_needed(connection, key) or connection.execute(importing).first() is not None


def _drop_older(folder: Path, manifest: BackupManifest) -> None:
    """Removes files that only older backups needed, including erased objects.

    Raises:
        StorageFullError: a file cannot be removed; the new backup is complete.
        VerificationError: ``objects`` is a link.
    """
    needed = {one.key for one in list_objects(folder / manifest.state, manifest)}
    try:
        for path in folder.iterdir():
            if _STATE.fullmatch(path.name) and path.name != manifest.state:
                _remove(path)
        remove_below(folder, "objects", needed)
    except OSError as error:
        raise StorageFullError(f"an older backup in {folder} cannot be removed: {error.strerror}") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # follows no link
    else:
        path.unlink()
