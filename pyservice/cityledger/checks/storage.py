"""Checks of the database and of the object store."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import sqlalchemy as sa

from cityledger.errors import CheckFailedError, CityledgerError
from cityledger.exchange.revocations import list_missing
from cityledger.store import node_state
from cityledger.store.engine import purging
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import verify_schema
from cityledger.store.index import queries as index
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.types import AgencyId, AgencyStatus

ROOM_BYTES = 64 << 20
"""With less on a disk, writes will soon be refused."""
PROBE_PREFIX = "checks/"
_MIB = 1 << 20


class _UndoneError(Exception):
    """Ends a transaction that was only a trial."""


def observe_database(database: Database) -> str:
    """The database answers, has the schema of this program, accepts writes, and its disk has room."""
    verify_schema(database)
    try:
        with database.writing() as connection:
            _touch(connection)
            raise _UndoneError
    except _UndoneError:
        pass
    return f"answers ({database.engine.dialect.name}), accepts writes{_room_of(database)}"


def observe_instance(database: Database, instance: bytes) -> str:
    """The database belongs to the deployment of the manifest."""
    with database.reading() as connection:
        stored = node_state.find_value(connection, node_state.INSTANCE)
    if stored is not None and stored != instance.hex():
        raise CheckFailedError("the database belongs to another instance")
    return "the database is of this instance" if stored else "the database is new"


def observe_purging(database: Database, now: float) -> str:
    """Destroyed keys leave the database's files in time."""
    with database.reading() as connection:
        since = purging.find_due(connection)
    if since is not None and now - since > purging.PURGE_SECONDS:
        raise CheckFailedError(f"destroyed keys have been in the database's files for {now - since:.0f} s")
    return "no destroyed key is left in the database's files" if since is None else "a purge is due"


def observe_lists(database: Database) -> str:
    """No agency has to put its revocation list again after a restore."""
    with database.reading() as connection:
        awaited = [one for one in revocations.list_awaited(connection) if _may_put(connection, one)]
    if awaited:
        numbers = ", ".join(str(agency) for agency in awaited)
        raise CheckFailedError(f"assertions are refused until these agencies put their list again: {numbers}")
    return "no revocation list is awaited"


def observe_list_objects(database: Database, objects: Objects) -> str:
    """Each revocation list is also in the object store, for a restore."""
    agencies = {one.agency for one in list_missing(database, objects)}
    if agencies:
        raise CheckFailedError(
            f"lists of {len(agencies)} agencies are not in the object store: a restored backup would bring"
            " former ones back"
        )
    return "every revocation list is in the object store"


def observe_objects(objects: Objects, url: str) -> str:
    """The object store stores an object, returns it, and removes it."""
    key, payload = f"{PROBE_PREFIX}{uuid4().hex}", b"probe"
    try:
        objects.put(key, [payload])
        returned = b"".join(objects.get(key))
    finally:
        _forget(objects, key)
    if returned != payload:
        raise CheckFailedError("the object store returns other bytes than were stored")
    return f"stores and returns objects{_room(_local_path(url))}"


def _may_put(connection: sa.Connection, agency: AgencyId) -> bool:
    """Offboarding is final; an agency that the index does not know yet may be a member."""
    found = index.find_agency(connection, agency)
    return found is None or found.status is not AgencyStatus.OFFBOARDED


def _touch(connection: sa.Connection) -> None:
    # A statement that changes nothing, but that a read-only database refuses.
    node_state.put_value(connection, "checked", "1")


def _forget(objects: Objects, key: str) -> None:
    try:
        objects.delete(key)
    except CityledgerError:
        return  # it is swept with what else has no row


def _room_of(database: Database) -> str:
    url = database.engine.url
    is_file = url.get_backend_name() == "sqlite" and url.database
    return _room(Path(str(url.database)).parent) if is_file else ""


def _local_path(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _room(folder: Path | None) -> str:
    if folder is None or not folder.exists():
        return ""
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise CheckFailedError(
            f"{free // _MIB} MiB are left on its disk", next_step="make room on the disk", vital=False
        )
    return f", {free // _MIB} MiB free"
