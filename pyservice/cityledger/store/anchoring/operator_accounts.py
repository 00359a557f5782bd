"""State of the accounts that this database signs with: the first nonce, and whether one is halted."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.store.tables import operator_account
from cityledger.types import Address, HaltCause


@dataclass(frozen=True, slots=True)
class AccountState:
    """``first_nonce`` is the account's nonce on chain when this database began to use it, or when an operator
    last had it counted again.
    """

    first_nonce: int
    halted: HaltCause | None
    halt_detail: str | None


def find_state(connection: sa.Connection, account: Address) -> AccountState | None:
    """None before the first use."""
    query = sa.select(operator_account).where(operator_account.c.account == account)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    halted = None if row.halted is None else HaltCause(row.halted)
    return AccountState(row.first_nonce, halted, row.halt_detail)


def begin_at(connection: sa.Connection, account: Address, nonce: int) -> None:
    """Counts the account's nonces from ``nonce`` from now on, and ends its halt."""
    values = {"first_nonce": nonce, "halted": None, "halt_detail": None}
    updated = connection.execute(
        operator_account.update().where(operator_account.c.account == account).values(values)
    )
    if updated.rowcount == 0:
        connection.execute(operator_account.insert().values(account=account, **values))


def halt(connection: sa.Connection, account: Address, cause: HaltCause, detail: str) -> None:
    """Stops the account: it signs nothing until an operator decides."""
    values = {"halted": cause.value, "halt_detail": detail}
    connection.execute(operator_account.update().where(operator_account.c.account == account).values(values))
