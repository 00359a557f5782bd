"""Fills an empty database and object store from a backup, and repeats the erasures and revocations made
since.

The database is filled in one transaction that also repeats erasures and revocations: at no moment does a
database exist that could serve a key which a citizen had destroyed, or an officer whom the agency had
revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import CityledgerError, ConfigurationError, NotFoundError
from cityledger.proofs.tombstone_object import TombstoneObject
from cityledger.recovery.backup.backup import is_needed, reading_copy
from cityledger.recovery.backup.files import describe, list_objects, verified_chunks
from cityledger.recovery.backup.manifest import DATABASE, BackupManifest, File
from cityledger.recovery.backup.own_tables import RESTORED_FROM, RESTORED_TABLES, copy_rows, count_rows
from cityledger.recovery.backup.verified_copy import VerifiedBackup
from cityledger.recovery.progress import OnProgress, counting, silent
from cityledger.recovery.restore.revocations import FoundLists, replay_lists
from cityledger.recovery.restore.tombstones import replay_all
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import SCHEMA_VERSION, migrate_within
from cityledger.store.objects import Objects
from cityledger.store.schema import metadata
from cityledger.store.tables import node_state as node_state_table
from cityledger.store.tables import replayed_tombstone
from cityledger.types import AgencyId, HaltCause, LogId

ChainNext = Callable[[LogId], int | None]
"""Returns a log's next number on chain, None if the chain has no such log."""
_NO_LISTS = FoundLists()


@dataclass(frozen=True, slots=True)
class Restored:
    """``halted`` are the logs of which the chain holds more than the backup; ``awaited`` the agencies that
    must put their revocation list again.
    """

    replayed: int
    halted: tuple[LogId, ...]
    awaited: tuple[AgencyId, ...] = ()


def verify_restorable(manifest: BackupManifest, database: Database) -> None:
    """Checks, before anything is written, that the backup fits and the database is empty.

    Raises:
        ConfigurationError: the database has rows, or the backup is of another schema.
    """
    if manifest.schema != SCHEMA_VERSION:
        raise ConfigurationError(
            f"the backup has schema {manifest.schema}, this program {SCHEMA_VERSION}: restore it with the"
            " version that made it, then `cityledger node migrate`"
        )
    if not is_empty(database):
        raise ConfigurationError("the database is not empty; nothing was changed. Name a new database")


def is_empty(database: Database) -> bool:
    """Returns whether there are no tables, or only ours without rows, as after `cityledger node migrate`."""
    names = set(sa.inspect(database.engine).get_table_names()) - {"alembic_version"}
    if not names <= metadata.tables.keys():
        return False
    with database.reading() as connection:
        queries = (sa.select(sa.literal(1)).select_from(metadata.tables[name]).limit(1) for name in names)
        return all(connection.execute(query).first() is None for query in queries)


def is_restored(database: Database, manifest: BackupManifest) -> bool:
    """Returns whether the database is already filled from this backup."""
    if not sa.inspect(database.engine).has_table(node_state_table.name):
        return False
    with database.reading() as connection:
        return node_state.find_value(connection, RESTORED_FROM) == manifest.state


def repeat_erasures(
    backup: VerifiedBackup,
    database: Database,
    objects: Objects,
    erased: Sequence[TombstoneObject],
    now: int,
    lists: FoundLists = _NO_LISTS,
) -> Restored:
    """Completes a restore that was interrupted after its database was filled: tombstones and revocation lists
    may have been added since, and objects of erased versions may be left. Reports the whole restore.
    """
    with database.writing() as connection:
        replay_all(connection, erased, now)
        awaited = replay_lists(connection, lists, now)
        replayed = connection.execute(sa.select(sa.func.count()).select_from(replayed_tombstone)).scalar_one()
        heads = logs.list_heads(connection)
    keys = (one.key for one in list_objects(backup.state, backup.manifest))
    _discard(objects, [key for key in keys if not is_needed(database, key)])
    halted = tuple(head.log for head in heads if head.halted is HaltCause.CHAIN_AHEAD)
    return Restored(replayed, halted, awaited)


def restore_objects(backup: VerifiedBackup, objects: Objects, on_progress: OnProgress = silent) -> None:
    """Copies the objects that the store lacks. Each is checked again as it is written, before it is in the
    store.

    Raises:
        StorageFullError, UnavailableError: it can be run again.
        VerificationError: one was replaced since it was verified.
    """
    add = counting(on_progress, "objects", backup.manifest.objects)
    for one in list_objects(backup.state, backup.manifest):
        if not _is_stored(objects, one.key, one.file):
            objects.put(one.key, verified_chunks(backup.folder, f"objects/{one.key}", one.file))
        add(1)


def restore_database(
    backup: VerifiedBackup,
    database: Database,
    objects: Objects,
    erased: Sequence[TombstoneObject],
    chain_next: ChainNext,
    now: int,
    on_progress: OnProgress = silent,
    lists: FoundLists = _NO_LISTS,
) -> Restored:
    """Writes, atomically, schema, rows, erasures, revocations, and halts of the logs that the chain is ahead
    of.

    A number that the chain holds must not be given again, so such a log accepts nothing from the start.

    Raises:
        StorageFullError, UnavailableError: the database is still empty.
    """
    with reading_copy(backup.state / DATABASE) as source, database.writing() as target:
        migrate_within(target)
        add = counting(on_progress, "rows", count_rows(source, RESTORED_TABLES))
        for table in RESTORED_TABLES:
            copy_rows(source, target, table, add)
        replayed, keys = replay_all(target, erased, now)
        awaited = replay_lists(target, lists, now)
        halted = _halt_overtaken(target, chain_next, backup.manifest)
        node_state.put_value(target, RESTORED_FROM, backup.manifest.state)
    _discard(objects, keys)
    return Restored(replayed, halted, awaited)


def _discard(objects: Objects, keys: Sequence[str]) -> None:
    for key in keys:
        with suppress(CityledgerError):  # noise without its key; the sweep at the next start removes it
            objects.delete(key)


def _halt_overtaken(
    target: sa.Connection, chain_next: ChainNext, manifest: BackupManifest
) -> tuple[LogId, ...]:
    halted = []
    for head in logs.list_heads(target):
        on_chain = chain_next(head.log)
        if on_chain is not None and on_chain > head.next_seq and head.halted is None:
            detail = (
                f"restored from a backup of {head.next_seq} leaves (Unix time {manifest.made_at}); the chain"
            )
            logs.halt(target, head.log, HaltCause.CHAIN_AHEAD, f"{detail} holds {on_chain}")
            halted.append(head.log)
    return tuple(halted)


def _is_stored(objects: Objects, key: str, wanted: File) -> bool:
    try:
        return describe(objects.get(key)) == wanted
    except NotFoundError:
        return False
