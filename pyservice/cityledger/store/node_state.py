"""Single facts about this database, such as the instance that it belongs to and the last final block."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.errors import WrongChainError
from cityledger.store.tables import node_state as table

INSTANCE = "instance"
FINAL_BLOCK = "final_block"
NONCE_KEY = "siwe_nonce_key"
"""Authenticates nonces for sign-in, of all processes of this database. A thief of it can only make nonces."""
INDEX_HALTED = "index_halted"
"""Why the index stopped for good; while it stands, what the index says must not be acted on."""


def find_value(connection: sa.Connection, key: str) -> str | None:
    return connection.execute(sa.select(table.c.value).where(table.c.key == key)).scalar_one_or_none()


def put_value(connection: sa.Connection, key: str, value: str) -> None:
    updated = connection.execute(table.update().where(table.c.key == key).values(value=value))
    if updated.rowcount == 0:
        connection.execute(table.insert().values(key=key, value=value))


def get_or_put(connection: sa.Connection, key: str, value: str) -> str:
    """The value of ``key``, which is ``value`` from now on where there was none."""
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
    held = find_value(connection, FINAL_BLOCK)
    return -1 if held is None else int(held)


def bind_instance(connection: sa.Connection, instance: bytes) -> None:
    """Ties an empty database to an instance for good.

    Raises:
        WrongChainError: it belongs to another instance, so its records and receipts would be misread.
    """
    held = find_value(connection, INSTANCE)
    if held is None:
        put_value(connection, INSTANCE, instance.hex())
    elif held != instance.hex():
        raise WrongChainError(
            "the database belongs to another instance; a chain reset needs a new node folder"
        )
