"""Fills an empty database and object store from a backup, destroys again what was erased since, and revokes
again who was revoked since.

The database is filled in one transaction, erasures and revocations repeated in it: at no moment is there a
database that could serve a key which a citizen had destroyed, or an officer whom the agency had revoked.
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
"""A log's next number on chain, None where the chain has no such log."""
_NO_LISTS = FoundLists()


@dataclass(frozen=True, slots=True)
class Restored:
    """``halted`` are the logs of which the chain holds more than the backup; ``awaited`` the agencies that
    have to put their revocation list again.
    """

    replayed: int
    halted: tuple[LogId, ...]
    awaited: tuple[AgencyId, ...] = ()


def verify_restorable(manifest: BackupManifest, database: Database) -> None:
    """Refuses before anything is written.

    Raises:
        ConfigurationError: the database holds something, or the backup is of another schema.
    """
    if manifest.schema != SCHEMA_VERSION:
        raise ConfigurationError(
            f"the backup has schema {manifest.schema}, this program {SCHEMA_VERSION}: restore it with the"
            " version that made it, then `cityledger node migrate`"
        )
    if not is_empty(database):
        raise ConfigurationError("the database is not empty; nothing was changed. Name a new one")


def is_empty(database: Database) -> bool:
    """Whether there is no table, or none but ours and nothing in them, as after `cityledger node migrate`."""
    names = set(sa.inspect(database.engine).get_table_names()) - {"alembic_version"}
    if not names <= metadata.tables.keys():
        return False
    with database.reading() as connection:
        queries = (sa.select(sa.literal(1)).select_from(metadata.tables[name]).limit(1) for name in names)
        return all(connection.execute(query).first() is None for query in queries)


def is_restored(database: Database, manifest: BackupManifest) -> bool:
    """Whether the database is filled from this backup already."""
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
    """What a restore that was cut off after its database was filled has still to do: tombstones and
    revocation lists may have come since, and objects of what was erased may be left. Reports the whole
    restore.
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
    """Puts back the objects that the store does not hold. Each is checked again as it is written, before it
    is in the store.

    Raises:
        StorageFullError, UnavailableError: may be run again.
        VerificationError: one was exchanged since it was verified.
    """
    add = counting(on_progress, "objects", backup.manifest.objects)
    for one in list_objects(backup.state, backup.manifest):
        if not _is_held(objects, one.key, one.file):
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
    """All or nothing: schema, rows, erasures, revocations, and halts of the logs that the chain is ahead of.

    A number that the chain holds must not be given again, so such a log takes nothing from its first moment.

    Raises:
        StorageFullError, UnavailableError: the database is as empty as it was.
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
        with suppress(CityledgerError):  # noise without its key; the sweep at the next start takes it
            objects.delete(key)


def _halt_overtaken(
    target: sa.Connection, chain_next: ChainNext, manifest: BackupManifest
) -> tuple[LogId, ...]:
    halted = []
    for head in logs.list_heads(target):
        on_chain = chain_next(head.log)
        if on_chain is not None and on_chain > head.next_seq and head.halted is None:
            told = (
                f"restored from a backup of {head.next_seq} leaves (Unix time {manifest.made_at}); the chain"
            )
            logs.halt(target, head.log, HaltCause.CHAIN_AHEAD, f"{told} holds {on_chain}")
            halted.append(head.log)
    return tuple(halted)


def _is_held(objects: Objects, key: str, wanted: File) -> bool:
    try:
        return describe(objects.get(key)) == wanted
    except NotFoundError:
        return False
