from __future__ import annotations

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.recovery.index import rebuild
from cityledger.recovery.index.rebuild import common_block, compare
from cityledger.recovery.index.state_digest import state_digest
from cityledger.store import node_state
from cityledger.store.index.tables import idx_purpose
from cityledger.types import purpose_from_name
from support.chain.memory_chain import MemoryChain
from support.chain.memory_index import Index, MakeIndex

PURPOSES = [purpose_from_name(f"PURPOSE_{number}") for number in range(4)]
MOVES = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2)), max_size=12)


def _differences(live: Index, rebuilt: Index) -> list[tuple[str, int]]:
    with live.database.reading() as one, rebuilt.database.reading() as other:
        block = common_block(one, other)
        assert block is not None
        return [
            (found.table, found.different) for found in compare(one, other, block.number) if found.different
        ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_an_index_that_lived_through_reorgs_equals_one_that_is_read_anew(
    moves: list[tuple[int, bool, int]], make_index: MakeIndex, chain: MemoryChain
) -> None:
    del chain.blocks[1:]
    chain.final_depth = 100
    live = make_index()
    live.catch_up()
    for purpose, is_listed, undone in moves:
        chain.mine(PurposeSet(PURPOSES[purpose], is_listed=is_listed))
        live.catch_up()
        if undone < len(chain.blocks) - 1:
            chain.reorg(undone)
        chain.mine()
        live.catch_up()
    rebuilt = make_index()
    rebuilt.catch_up()

    assert _differences(live, rebuilt) == []


def test_compare_names_what_was_changed_added_and_lost(chain: MemoryChain, make_index: MakeIndex) -> None:
    chain.mine(*(PurposeSet(one, is_listed=True) for one in PURPOSES))
    live, rebuilt = make_index(), make_index()
    live.catch_up()
    rebuilt.catch_up()
    with live.database.writing() as connection:
        purpose = idx_purpose.c.purpose
        connection.execute(idx_purpose.delete().where(purpose == PURPOSES[0]))
        connection.execute(idx_purpose.update().where(purpose == PURPOSES[1]).values(valid_to=1))
        connection.execute(idx_purpose.insert().values(purpose=b"\xee" * 32, valid_from=0))

    assert _differences(live, rebuilt) == [("idx_purpose", 3)]
    with live.database.reading() as one, rebuilt.database.reading() as other:
        found = next(found for found in compare(one, other, 1) if found.different)
    differences = {difference.key: (difference.live, difference.rebuilt) for difference in found.first}
    assert differences[f"purpose 0x{PURPOSES[1].hex()}, valid_from 1"] == ("valid_to 1", "valid_to None")
    assert differences[f"purpose 0x{PURPOSES[0].hex()}, valid_from 1"][0] is None
    assert differences[f"purpose 0x{'ee' * 32}, valid_from 0"][1] is None


def test_replace_heals_a_damaged_index_that_had_stopped_for_good(
    chain: MemoryChain, make_index: MakeIndex
) -> None:
    chain.mine(*(PurposeSet(one, is_listed=True) for one in PURPOSES))
    live, rebuilt = make_index(), make_index()
    live.catch_up()
    rebuilt.catch_up()
    with live.database.writing() as connection:
        connection.execute(idx_purpose.delete())
        node_state.put_value(connection, rebuild.INDEX_HALTED, "a reorg too deep")

    with live.database.writing() as one, rebuilt.database.reading() as other:
        rebuild.replace(one, other)

    with live.database.reading() as one, rebuilt.database.reading() as other:
        assert state_digest(one, bytes(32)) == state_digest(other, bytes(32))
        assert node_state.find_value(one, rebuild.INDEX_HALTED) is None
        assert node_state.final_block(one) == node_state.final_block(other)
    chain.mine(PurposeSet(PURPOSES[0], is_listed=False))
    live.catch_up()
    with live.database.reading() as one:
        assert one.execute(sa.select(sa.func.max(idx_purpose.c.valid_to))).scalar_one() == 2


def test_common_block_is_none_with_an_empty_index(chain: MemoryChain, make_index: MakeIndex) -> None:
    live, empty = make_index(), make_index()
    live.catch_up()
    with live.database.reading() as one, empty.database.reading() as other:
        assert common_block(one, other) is None
