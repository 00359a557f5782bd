"""A commit that failed left its transaction open, and the next user of the connection was inside it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.store.engine.database import Database
from cityledger.store.tables import node_state


def test_connection_is_clean_after_a_commit_that_failed(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE parent (id integer PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE child (id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )

    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO child VALUES (1)")
        connection.execute(node_state.insert().values(key="half", value="written"))

    with database.writing() as connection:
        connection.execute(node_state.insert().values(key="after", value="it"))
    with database.reading() as connection:
        assert connection.execute(sa.select(node_state.c.key)).scalars().all() == ["after"]
        assert connection.exec_driver_sql("SELECT count(*) FROM child").scalar_one() == 0
