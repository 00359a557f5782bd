"""Keeps each tombstone as an object as well, outside of the database and of its backups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cityledger.errors import CityledgerError, StorageFullError, UnavailableError
from cityledger.exchange.services import Services
from cityledger.proofs.tombstone_object import TombstoneObject, object_key, signed, to_bytes
from cityledger.store.anchoring.logs import Numbered, list_heads_of
from cityledger.store.tombstones import find_tombstone, list_tombstones


def keep_tombstones(services: Services, numbered: Sequence[Numbered]) -> None:
    """Returns once the objects of these tombstones are durable.

    Raises:
        UnavailableError, StorageFullError: the object store does not accept them; the erasure is in effect,
            and ``keep_missing`` writes them at the next start.
    """
    for one in numbered:
        with services.database.reading() as connection:
            found = find_tombstone(connection, services.instance, one.log, one.seq)
        if found is not None:
            _keep(services, found)


def keep_missing(services: Services, stops: Callable[[], bool] = lambda: False) -> int:
    """Writes the objects of this node's tombstones that are missing, e.g. after a crash before the answer;
    returns how many. Another node of the database signs its own.

    Raises:
        UnavailableError: the object store does not answer.
    """
    stored = {one.key for one in services.objects.list("tombstones/")}
    after, written = (0, -1), 0
    while not stops():
        with services.database.reading() as connection:
            ours = {head.log for head in list_heads_of(connection, services.keyring.agencies())}
            page = list_tombstones(connection, services.instance, after=after)
        if not page:
            break
        for one in page:
            if one.leaf.log in ours and stored.isdisjoint(_keys(services, one)):
                _keep(services, one)
                written += 1
        after = (page[-1].leaf.log, page[-1].leaf.seq)
    return written


def _keep(services: Services, one: TombstoneObject) -> None:
    try:
        data = to_bytes(signed(one, services.domain, services.operator))
        services.objects.put(_keys(services, one)[0], [data])
    except CityledgerError as error:
        kind = StorageFullError if isinstance(error, StorageFullError) else UnavailableError
        raise kind(
            "the record is erased, but the object store does not take its tombstone, which keeps a restored"
            " backup from bringing the key back; it is written again when the node starts"
        ) from error


def _keys(services: Services, one: TombstoneObject) -> list[str]:
    """The key of the object, then those under which a former operator of this node may have written it."""
    return [object_key(account, one.leaf.log, one.leaf.seq) for account in services.own_accounts()]
