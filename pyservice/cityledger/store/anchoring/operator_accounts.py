"""What this database knows of the accounts that it signs with: since which nonce, and which is halted."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.store.tables import operator_account
from cityledger.types import Address, HaltCause


@dataclass(frozen=True, slots=True)
class AccountState:
    """``first_nonce`` is the account's nonce on chain when this database began to use it, or when an operator
    last said that it should be counted anew.
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
    """From now on the account's nonces are counted from ``nonce``, and it is not halted."""
    told = {"first_nonce": nonce, "halted": None, "halt_detail": None}
    updated = connection.execute(
        operator_account.update().where(operator_account.c.account == account).values(told)
    )
    if updated.rowcount == 0:
        connection.execute(operator_account.insert().values(account=account, **told))


def halt(connection: sa.Connection, account: Address, cause: HaltCause, detail: str) -> None:
    """The account signs nothing any more until an operator decides."""
    told = {"halted": cause.value, "halt_detail": detail}
    connection.execute(operator_account.update().where(operator_account.c.account == account).values(told))
