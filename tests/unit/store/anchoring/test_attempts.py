from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from cityledger.store.anchoring import attempts, operator_accounts
from cityledger.store.anchoring.attempts import Signed
from cityledger.store.engine.database import Database
from cityledger.types import Address, HaltCause

ACCOUNT, OTHER = Address("0x" + "11" * 20), Address("0x" + "22" * 20)


def signed(number: int, at_block: int = 5) -> Signed:
    return Signed(b"raw %d" % number, number.to_bytes(32, "big"), 1_000 + number, at_block)


def test_store_first_refuses_a_nonce_that_is_taken(database: Database) -> None:
    with database.writing() as connection:
        attempts.store_first(connection, ACCOUNT, 0, signed(1), [])
        attempts.store_first(connection, OTHER, 0, signed(2), [])
    with pytest.raises(IntegrityError), database.writing() as connection:
        attempts.store_first(connection, ACCOUNT, 0, signed(3), [])


def test_store_replacement_refuses_a_second_of_the_same_number(database: Database) -> None:
    with database.writing() as connection:
        first = attempts.store_first(connection, ACCOUNT, 0, signed(1), [])
        assert attempts.store_replacement(connection, first, signed(2)).replacement == 1
    with pytest.raises(IntegrityError), database.writing() as connection:
        attempts.store_replacement(connection, first, signed(3))


def test_list_attempts_has_the_lowest_nonce_first_and_its_newest_first(database: Database) -> None:
    with database.writing() as connection:
        attempts.store_first(connection, ACCOUNT, 1, signed(1), [])
        first = attempts.store_first(connection, ACCOUNT, 0, signed(2), [])
        attempts.store_replacement(connection, first, signed(3))
        stored = attempts.list_attempts(connection, ACCOUNT, 0)
        assert [(one.nonce, one.replacement) for one in stored] == [(0, 1), (0, 0), (1, 0)]
        assert [one.nonce for one in attempts.list_attempts(connection, ACCOUNT, 1)] == [1]
        assert attempts.list_attempts(connection, OTHER, 0) == []


def test_find_end_tells_the_next_nonce_and_the_highest_block(database: Database) -> None:
    with database.writing() as connection:
        assert attempts.find_end(connection, ACCOUNT) == (0, -1)
        attempts.store_first(connection, ACCOUNT, 4, signed(1, at_block=9), [])
        attempts.store_first(connection, ACCOUNT, 5, signed(2, at_block=7), [])
        assert attempts.find_end(connection, ACCOUNT) == (6, 9)
        assert attempts.find_end(connection, OTHER) == (0, -1)


def test_begin_at_lifts_a_halt_and_counts_anew(database: Database) -> None:
    with database.writing() as connection:
        assert operator_accounts.find_state(connection, ACCOUNT) is None
        operator_accounts.begin_at(connection, ACCOUNT, 3)
        operator_accounts.halt(connection, ACCOUNT, HaltCause.ACCOUNT_USED_ELSEWHERE, "for a test")
        stored = operator_accounts.find_state(connection, ACCOUNT)
        assert stored is not None and stored.halted is HaltCause.ACCOUNT_USED_ELSEWHERE
        operator_accounts.begin_at(connection, ACCOUNT, 8)
        assert operator_accounts.find_state(connection, ACCOUNT) == operator_accounts.AccountState(
            8, None, None
        )
