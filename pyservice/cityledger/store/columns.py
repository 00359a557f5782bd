"""Metadata and kinds of columns that the modules of tables share."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_CHECK = "check"


class DisplayText(TypeDecorator[str]):
    """Text that is only shown, such as a reason or the name of a field in a sender's file.

    PostgreSQL accepts no NUL, and no database accepts half a surrogate pair. Both are stored as escapes, so
    that what is reported of a file cannot stop its import.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def table(name: str, *items: SchemaItem, comment: str | None = None) -> Table:
    """A table of the schema, with the checks of its columns."""
    # Checks belong to the table, not to its columns: Alembic would not see them there.
    columns = [item for item in items if isinstance(item, Column)]
    checks = [
        CheckConstraint(column.info[_CHECK], name=column.name) for column in columns if _CHECK in column.info
    ]
    return Table(name, metadata, *items, *checks, comment=comment)


def bytes32(name: str, *, key: bool = False) -> Column[bytes]:
    """Exactly 32 bytes, never NULL."""
    return Column(
        name, LargeBinary(32), primary_key=key, nullable=False, info={_CHECK: f"length({name}) = 32"}
    )


def u64(name: str, *, key: bool = False) -> Column[int]:
    """A number from 0, never NULL."""
    check = {_CHECK: f"{name} >= 0"}
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=False, info=check)


def ranged(
    name: str, kind: type[BigInteger] | type[Integer], check: str, *, key: bool = False
) -> Column[int]:
    """A number within a range, which ``check`` says in SQL."""
    return Column(name, kind, primary_key=key, autoincrement=False, nullable=False, info={_CHECK: check})
