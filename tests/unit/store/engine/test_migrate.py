from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cityledger.errors import ConfigurationError
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import SCHEMA_VERSION, config_of_migrations, migrate, verify_schema
from cityledger.store.schema import metadata
from cityledger.store.tables import node_state
from support.store.databases import empty_database_url


def test_migrate_makes_exactly_the_tables_of_the_program(database: Database) -> None:
    with database.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_migrate_keeps_every_check_of_the_tables(database: Database, tmp_path: Path) -> None:
    wanted = Database(empty_database_url(tmp_path))
    metadata.create_all(wanted.engine)

    assert _checks(database) == _checks(wanted)
    assert len(_checks(wanted)) > 20
    wanted.close()


def test_migrate_leaves_a_current_database_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(node_state.insert().values(key="kept", value="yes"))

    migrate(database)

    with database.reading() as connection:
        assert connection.execute(node_state.select()).one().value == "yes"


def test_schema_version_is_that_of_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(config_of_migrations()).get_current_head() == SCHEMA_VERSION


def test_verify_schema_refuses_a_database_of_another_version(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(ConfigurationError, match=f"has schema 0000, this program needs {SCHEMA_VERSION}"):
        verify_schema(database)


def test_verify_schema_refuses_a_database_without_schema(tmp_path: Path) -> None:
    empty = Database(empty_database_url(tmp_path))

    with pytest.raises(ConfigurationError, match="schema none"):
        verify_schema(empty)
    empty.close()


def _checks(database: Database) -> set[tuple[str, str, str]]:
    inspector = sa.inspect(database.engine)
    return {
        (table, str(check["name"]), check["sqltext"])
        for table in metadata.tables
        for check in inspector.get_check_constraints(table)
    }
