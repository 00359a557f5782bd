"""Keeps the newest revocation list of each credential key as an object as well, outside of the database and
of its backups. Source: SPEC.md §6."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cityledger.errors import CityledgerError, FieldError, StorageFullError, UnavailableError
from cityledger.exchange.services import Services
from cityledger.store import revocations
from cityledger.store.objects import Objects
from cityledger.store.revocation_objects import PREFIX, list_folder, list_key, parse_list_key
from cityledger.store.revocations import StoredList
from cityledger.types import AgencyId


def keep_list(services: Services, agency: AgencyId, key: bytes) -> None:
    """Returns once the object of the newest list of this key is durable; older ones are removed.

    Raises:
        UnavailableError, StorageFullError: the object store does not take it; the list is in effect, and
            ``keep_missing_lists`` writes the object at the next start.
    """
    with services.database.reading() as connection:
        newest = revocations.find_list(connection, agency, key)
    if newest is not None:
        _keep(services.objects, newest)


def keep_missing_lists(services: Services, stops: Callable[[], bool] = lambda: False) -> int:
    """Writes the objects of lists that are not there, e.g. after a crash before the answer; returns how many.

    The list of an agency that has to put it again is left out: after a restore it is not the newest, and the
    next restore must not believe that it is.

    Raises:
        UnavailableError: the object store does not answer.
    """
    held = {one.key for one in services.objects.list(PREFIX)}
    with services.database.reading() as connection:
        awaited = set(revocations.list_awaited(connection))
        wanted = [one for one in revocations.list_stored(connection) if one.agency not in awaited]
    missing = [one for one in wanted if list_key(one.agency, one.key, one.seq) not in held]
    kept = 0
    for one in missing:
        if stops():
            break
        _keep(services.objects, one)
        kept += 1
    return kept


def _keep(objects: Objects, one: StoredList) -> None:
    try:
        objects.put(list_key(one.agency, one.key, one.seq), [one.signed.encode("ascii")])
    except CityledgerError as error:
        kind = StorageFullError if isinstance(error, StorageFullError) else UnavailableError
        raise kind(
            "the list is in effect, but the object store does not take it, which keeps a restored backup from"
            " bringing a former list back; put the same list again, or restart the node"
        ) from error
    with suppress(CityledgerError):  # a restore reads the newest; older ones only take room
        _drop_older(objects, one)


def _drop_older(objects: Objects, one: StoredList) -> None:
    for held in list(objects.list(list_folder(one.agency, one.key))):
        with suppress(FieldError):  # not one of ours
            if parse_list_key(held.key).seq < one.seq:
                objects.delete(held.key)
