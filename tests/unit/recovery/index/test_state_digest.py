from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa

from cityledger.chain.contracts.city_directory import AddressSet
from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.errors import NotFoundError, UnavailableError
from cityledger.recovery.index.rows import rows_at
from cityledger.recovery.index.state_digest import StateDigest, encode_row, state_digest
from cityledger.store.index.tables import INDEX_TABLES, idx_contract, idx_purpose
from cityledger.types import Address, purpose_from_name
from support.chain.memory_chain import MemoryChain
from support.chain.memory_index import Index, MakeIndex

INSTANCE = b"\x11" * 32
PURPOSES = [purpose_from_name(name) for name in ("TREATMENT", "CREDIT", "TAX")]


def _digest(index: Index, at: int | None = None) -> StateDigest:
    index.catch_up()
    with index.database.reading() as connection:
        return state_digest(connection, INSTANCE, at)


def test_state_digest_at_a_block_is_not_changed_by_later_blocks(
    chain: MemoryChain, make_index: MakeIndex
) -> None:
    chain.mine(*(PurposeSet(one, is_listed=True) for one in PURPOSES))
    then = _digest(make_index())

    chain.mine(PurposeSet(PURPOSES[0], is_listed=False))
    index = make_index()
    now = _digest(index)

    assert _digest(index, then.block.number) == then
    assert now.digest != then.digest
    assert [name for name, digest in now.tables.items() if digest != then.tables[name]] == ["idx_purpose"]


def test_state_digest_tells_one_history_from_another_with_the_same_end(
    chain: MemoryChain, make_index: MakeIndex
) -> None:
    chain.mine(PurposeSet(PURPOSES[0], is_listed=True))
    chain.mine()
    short = _digest(make_index()).tables["idx_purpose"]
    chain.reorg(2)
    chain.mine()
    chain.mine(PurposeSet(PURPOSES[0], is_listed=True))

    assert _digest(make_index()).tables["idx_purpose"] != short


def test_state_digest_is_independent_of_the_order_of_rows(chain: MemoryChain, make_index: MakeIndex) -> None:
    chain.mine(*(PurposeSet(one, is_listed=True) for one in PURPOSES))
    index = make_index()
    before = _digest(index)
    with index.database.writing() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(idx_purpose))]
        connection.execute(idx_purpose.delete())
        connection.execute(idx_purpose.insert(), rows[::-1])

    assert _digest(index) == before


def test_rows_at_orders_texts_by_their_bytes(chain: MemoryChain, make_index: MakeIndex) -> None:
    names = ["a", "B", "é", "中", "AB", "aB"]
    chain.mine(*(AddressSet(name, Address("0x" + "22" * 20), 1) for name in names))
    index = make_index()
    index.catch_up()

    with index.database.reading() as connection:
        found = [row[0] for row in rows_at(connection, idx_contract, 1)]

    assert found == sorted(names, key=str.encode)


def test_state_digest_is_what_the_specification_says(chain: MemoryChain, make_index: MakeIndex) -> None:
    chain.mine(PurposeSet(PURPOSES[0], is_listed=True))
    found = _digest(make_index())

    row = b"\2" + (32).to_bytes(4, "big") + PURPOSES[0] + b"\1" + (1).to_bytes(8, "big") + b"\0"
    tables = []
    for table in INDEX_TABLES:
        rows = row if table.name == "idx_purpose" else b""
        tables.append(
            hashlib.sha256(b"cityledger/v1/index-table\0" + table.name.encode() + b"\0" + rows).digest()
        )
    head = b"cityledger/v1/index-state\0" + INSTANCE + (1).to_bytes(8, "big") + chain.head().hash
    assert found.digest == hashlib.sha256(head + b"".join(tables)).digest()


def test_encode_row_tells_neighbouring_texts_apart() -> None:
    assert encode_row(("ab", "c")) != encode_row(("a", "bc"))
    assert encode_row((None,)) != encode_row((0,)) != encode_row((b"",)) != encode_row(("",))


def test_state_digest_refuses_what_is_not_indexed(chain: MemoryChain, make_index: MakeIndex) -> None:
    index = make_index()
    with index.database.reading() as connection, pytest.raises(UnavailableError, match="node rebuild"):
        state_digest(connection, INSTANCE)
    with pytest.raises(NotFoundError, match="indexed block 99; the index ends at 0"):
        _digest(index, 99)
