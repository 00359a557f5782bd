"""Brings a node's database to the schema of this program, by Alembic versions that ship in the package."""

from __future__ import annotations

from importlib import resources

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from cityledger.errors import ConfigurationError
from cityledger.store.engine.database import Database


def migrate(database: Database) -> None:
    """Applies every migration that is missing, all in one transaction; a database that is up to date is
    left alone.
    """
    with database.writing() as connection:
        migrate_within(connection)


def migrate_within(connection: sa.Connection) -> None:
    """As ``migrate``, in the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def schema_version() -> str:
    """The schema that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def verify_schema(database: Database) -> None:
    """Refuses a database of another version than this program's.

    Raises:
        ConfigurationError: names both versions and the command that helps.
    """
    with database.reading() as connection:
        held = MigrationContext.configure(connection).get_current_revision()
    wanted = schema_version()
    if held != wanted:
        raise ConfigurationError(
            f"the database has schema {held or 'none'}, this program needs {wanted}:"
            " run `cityledger node migrate`"
        )


def _config() -> Config:
    config = Config()
    folder = resources.files("cityledger.store").joinpath("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
