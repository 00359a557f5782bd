"""The lowest vault epoch under which anything may still be written, by agency.

A data key is wrapped before the transaction that stores it. Without this fence a write that began before a
rotation could commit after it, under a key that is about to be dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from cityledger.errors import VaultKeyRotatedError
from cityledger.sealing.wrap import wrapped_epoch
from cityledger.store.tables import vault_floor
from cityledger.types import AgencyId


def find_floor(connection: sa.Connection, agency: AgencyId) -> int:
    """0 before the first rotation."""
    query = sa.select(vault_floor.c.epoch).where(vault_floor.c.agency == agency)
    return connection.execute(query).scalar() or 0


def raise_floor(connection: sa.Connection, agency: AgencyId, epoch: int, now: int) -> None:
    """Refuses writes under a lower epoch from this transaction on. Idempotent."""
    here = vault_floor.c.agency == agency
    lower = here & (vault_floor.c.epoch < epoch)
    values = {"epoch": epoch, "raised_at": now}
    exists = connection.execute(sa.select(vault_floor.c.epoch).where(here)).first() is not None
    if exists:
        connection.execute(vault_floor.update().where(lower).values(**values))
    else:
        connection.execute(vault_floor.insert().values(agency=agency, **values))


def verify_epochs(connection: sa.Connection, agency: AgencyId, wrapped: Iterable[bytes]) -> None:
    """Refuses data keys that are wrapped under a retired vault key, in the transaction that would store them.

    Raises:
        VaultKeyRotatedError: they must be wrapped under the epoch of ``find_floor``.
    """
    floor = find_floor(connection, agency)
    if any(wrapped_epoch(one) < floor for one in wrapped):
        raise VaultKeyRotatedError(
            f"the vault key was rotated to epoch {floor}; nothing was written, try again"
        )
