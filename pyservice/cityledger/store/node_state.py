"""Single facts about this database, such as the instance that it belongs to and the last final block."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.errors import WrongChainError
from cityledger.store.tables import node_state as table

INSTANCE = "instance"
FINAL_BLOCK = "final_block"
NONCE_KEY = "siwe_nonce_key"
"""Authenticates sign-in nonces of all processes of this database. A stolen one could only make nonces."""
INDEX_HALTED = "index_halted"
"""Reason why the index stopped permanently; while it is set, no decision may rely on the index."""


def find_value(connection: sa.Connection, key: str) -> str | None:
    return connection.execute(sa.select(table.c.value).where(table.c.key == key)).scalar_one_or_none()


def put_value(connection: sa.Connection, key: str, value: str) -> None:
    updated = connection.execute(table.update().where(table.c.key == key).values(value=value))
    if updated.rowcount == 0:
        connection.execute(table.insert().values(key=key, value=value))


def get_or_put(connection: sa.Connection, key: str, value: str) -> str:
    """The stored value of ``key``; stores ``value`` if there is none."""
    savepoint = connection.begin_nested()
    try:
        connection.execute(table.insert().values(key=key, value=value))
    except IntegrityError:
        savepoint.rollback()
    else:
        savepoint.commit()
    stored: str = connection.execute(sa.select(table.c.value).where(table.c.key == key)).scalar_one()
    return stored


def final_block(connection: sa.Connection) -> int:
    """The last final block that the indexer saw; −1 before the first."""
    stored = find_value(connection, FINAL_BLOCK)
    return -1 if stored is None else int(stored)


def bind_instance(connection: sa.Connection, instance: bytes) -> None:
    """Binds an empty database to an instance permanently.

    Raises:
        WrongChainError: it belongs to another instance, so its records and receipts would be misread.
    """
    stored = find_value(connection, INSTANCE)
    if stored is None:
        put_value(connection, INSTANCE, instance.hex())
    elif stored != instance.hex():
        raise WrongChainError(
            "the database belongs to another instance; a chain reset needs a new node folder"
        )
