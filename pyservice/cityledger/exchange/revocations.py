"""Keeps the newest revocation list of each credential key as an object as well, outside of the database and
of its backups. Source: SPEC.md §6."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from cityledger.errors import CityledgerError, FieldError, StorageFullError, UnavailableError
from cityledger.exchange.services import Services
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocation_objects import PREFIX, list_folder, list_key, parse_list_key
from cityledger.store.sessions.revocations import StoredList
from cityledger.types import AgencyId

log = logging.getLogger(__name__)
KEEP_SECONDS = 60.0
"""How often each process looks for lists without an object; part of the window in SPEC.md §6."""


def keep_list(services: Services, agency: AgencyId, key: bytes) -> None:
    """Returns once the object of the newest list of this key is durable; older ones are removed.

    Raises:
        UnavailableError, StorageFullError: the object store does not take it; the list is in effect, and
            ``run`` writes the object later.
    """
    with services.database.reading() as connection:
        newest = revocations.find_list(connection, agency, key)
    if newest is not None:
        _keep(services.objects, newest)


def run(services: Services, stop: threading.Event) -> None:
    """Writes the missing objects, at once and then every ``KEEP_SECONDS``, until ``stop`` is set."""
    while True:
        _keep_logged(services, stop)
        if stop.wait(KEEP_SECONDS):
            return


def _keep_logged(services: Services, stop: threading.Event) -> None:
    try:
        written = keep_missing_lists(services, stop.is_set)
    except CityledgerError as error:
        log.error("revocation list objects not written error=%s", type(error).__name__)
    else:
        if written:
            log.info("revocation list objects written count=%d", written)


def keep_missing_lists(services: Services, stops: Callable[[], bool] = lambda: False) -> int:
    """Writes the objects of lists that have none, e.g. after a crash before the answer, or where another
    node of the database took the list; returns how many.

    Raises:
        UnavailableError, StorageFullError: the object store did not take all; the others are written.
    """
    written = 0
    failure: CityledgerError | None = None
    for one in list_missing(services.database, services.objects):
        if stops():
            break
        try:
            _keep(services.objects, one)
            written += 1
        except CityledgerError as error:
            failure = error
    if failure is not None:
        raise failure
    return written


def list_missing(database: Database, objects: Objects) -> list[StoredList]:
    """The lists in the database whose object is not in the store.

    The list of an agency that has to put it again is left out: after a restore it is not the newest, and the
    next restore must not believe that it is.

    Raises:
        UnavailableError: the object store does not answer.
    """
    stored = {one.key for one in objects.list(PREFIX)}
    with database.reading() as connection:
        awaited = set(revocations.list_awaited(connection))
        wanted = [one for one in revocations.list_stored(connection) if one.agency not in awaited]
    return [one for one in wanted if list_key(one.agency, one.key, one.seq) not in stored]


def _keep(objects: Objects, one: StoredList) -> None:
    try:
        objects.put(list_key(one.agency, one.key, one.seq), [one.signed.encode("ascii")])
    except CityledgerError as error:
        kind = StorageFullError if isinstance(error, StorageFullError) else UnavailableError
        raise kind(
            "the list is in effect, but the object store does not take it, which keeps a restored backup from"
            " bringing a former list back; the node tries again each minute: put the same list again to learn"
            " whether it succeeded"
        ) from error
    with suppress(CityledgerError):  # a restore reads the newest; older ones only use space
        _drop_older(objects, one)


def _drop_older(objects: Objects, one: StoredList) -> None:
    for stored in list(objects.list(list_folder(one.agency, one.key))):
        with suppress(FieldError):  # not one of ours
            if parse_list_key(stored.key).seq < one.seq:
                objects.delete(stored.key)
