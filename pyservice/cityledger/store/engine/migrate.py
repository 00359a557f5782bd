"""Migrates a node's database to the schema of this program, by the Alembic versions of the package."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cityledger.errors import ConfigurationError
from cityledger.store.engine.database import Database

if TYPE_CHECKING:  # loaded only to migrate: a node that starts compares two versions
    from alembic.config import Config

SCHEMA_VERSION = "0001"
"""The schema that this program needs: the newest of ``migrations/versions``."""
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def migrate(database: Database) -> None:
    """Applies every missing migration in one transaction; does nothing to a database that is up to date."""
    with database.writing() as connection:
        migrate_within(connection)


def migrate_within(connection: sa.Connection) -> None:
    """As ``migrate``, in the caller's transaction."""
    from alembic import command

    config = config_of_migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def verify_schema(database: Database) -> None:
    """Refuses a database of another version than this program's.

    Raises:
        ConfigurationError: names both versions and the command that helps.
    """
    with database.reading() as connection:
        current = _current_version(connection)
    if current != SCHEMA_VERSION:
        raise ConfigurationError(
            f"the database has schema {current or 'none'}, this program needs {SCHEMA_VERSION}:"
            " run `cityledger node migrate`"
        )


def _current_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


def config_of_migrations() -> Config:
    """Where the migrations of this program are, for alembic."""
    from alembic.config import Config

    config = Config()
    folder = resources.files("cityledger.store").joinpath("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
