from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from cityledger.chain.rpc.agreement import (
    LAG_BLOCKS,
    SeenHead,
    find_agreed,
    find_backed,
    find_chosen,
    find_final,
    is_backed,
)

Chain = tuple[str, ...]
"""Hashes by height."""


def trunk(length: int, fork_at: int | None = None, fork: str = "b") -> Chain:
    return tuple(
        f"{fork}{number}" if fork_at is not None and number >= fork_at else f"a{number}"
        for number in range(length)
    )


def agreed(
    *chains: Chain, configured: int | None = None, silent: frozenset[int] = frozenset()
) -> set[int] | None:
    seen = [SeenHead(place, len(chain) - 1, chain[-1]) for place, chain in enumerate(chains)]

    def hashes_at(place: int, numbers: Sequence[int]) -> Mapping[int, str] | None:
        return None if place in silent else {number: chains[place][number] for number in numbers}

    found = find_agreed(seen, hashes_at, configured or len(chains))
    return None if found is None else {head.place for head in found}


def of_trunk(_place: int, numbers: Sequence[int]) -> Mapping[int, str]:
    return {number: f"a{number}" for number in numbers}


def test_heads_of_one_chain_agree_at_any_heights() -> None:
    assert agreed(trunk(10), trunk(12), trunk(3), configured=5) == {0, 1, 2}


def test_one_against_one_has_no_majority() -> None:
    assert agreed(trunk(10), trunk(10, fork_at=8)) is None
    assert agreed(trunk(10), trunk(12, fork_at=8)) is None


def test_a_majority_of_all_configured_decides() -> None:
    assert agreed(trunk(10), trunk(12, fork_at=8), trunk(11)) == {0, 2}
    assert agreed(trunk(10), trunk(12, fork_at=8), trunk(11), configured=4) is None, "half is not a majority"


def test_three_forks_have_no_majority() -> None:
    assert agreed(trunk(10), trunk(10, fork_at=8), trunk(10, fork_at=7, fork="c")) is None


def test_an_endpoint_that_falls_silent_has_no_say() -> None:
    assert agreed(trunk(12, fork_at=8), trunk(10), trunk(9), silent=frozenset({0})) == {1, 2}


@given(
    heights=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    wrong=st.sets(st.integers(0, 4)),
)
def test_a_fork_of_the_minority_is_never_acted_on(heights: list[int], wrong: set[int]) -> None:
    chains = [trunk(height, fork_at=0 if place in wrong else None) for place, height in enumerate(heights)]
    honest = {place for place in range(len(chains)) if place not in wrong}
    found = agreed(*chains)
    if 2 * len(honest) > len(chains):
        assert found == honest
    elif honest and 2 * len(honest) == len(chains):
        assert found is None


@given(
    heights=st.lists(st.integers(1, 30), min_size=3, max_size=5),
    ahead=st.sets(st.integers(0, 4)),
)
def test_block_that_only_a_minority_has_is_never_acted_on(heights: list[int], ahead: set[int]) -> None:
    """Liars who are of the others' chain as far as it goes, and then tell of blocks of their own."""
    liars = [place for place in ahead if place < len(heights)]
    honest = [height for place, height in enumerate(heights) if place not in ahead]
    seen = [
        SeenHead(place, height + 100 * (place in liars), f"a{height + 100 * (place in liars)}")
        for place, height in enumerate(heights)
    ]
    backed = find_backed(seen, of_trunk, len(heights))
    if 2 * len(honest) > len(heights):
        assert backed is not None
        assert backed.number <= max(honest)
        chosen = find_chosen(seen, backed, 0, lambda head: is_backed(head, seen, of_trunk, len(heights)))
        assert chosen is not None
        assert sum(head.number >= min(chosen.number, backed.number) for head in seen) * 2 > len(heights)


def test_backed_needs_a_majority_of_three_and_more_and_one_of_two() -> None:
    one, two, three = SeenHead(0, 12, "a12"), SeenHead(1, 10, "a10"), SeenHead(2, 9, "a9")
    assert find_backed([one, two, three], of_trunk, 3) == two
    assert find_backed([one, two], of_trunk, 3) == two
    assert find_backed([one], of_trunk, 3) is None
    assert find_backed([one, two], of_trunk, 4) is None
    assert find_backed([one, two], of_trunk, 2) == one
    assert find_backed([two], of_trunk, 2) == two
    assert find_backed([], of_trunk, 2) is None


def test_chosen_is_the_preferred_head_unless_it_lags_or_is_below_what_was_acted_on() -> None:
    heads = [SeenHead(0, 10, "a10"), SeenHead(1, 12, "a12")]

    def is_enough(_head: SeenHead) -> bool:
        return True

    assert find_chosen(heads, heads[1], 0, is_enough) == heads[0]
    assert find_chosen(heads, heads[1], 11, is_enough) == heads[1]
    assert find_chosen(heads, heads[1], 13, is_enough) is None
    assert find_chosen(heads, heads[0], 11, is_enough) is None, "the higher one is not backed"
    lagging = SeenHead(0, 12 - LAG_BLOCKS - 1, "a8")
    assert find_chosen([lagging, heads[1]], heads[1], 0, is_enough) == heads[1]
    assert find_chosen(heads, heads[1], 0, lambda _head: False) == heads[1], "the lower one is not backed"


def test_of_five_two_that_lie_together_back_no_block() -> None:
    """The highest confirms the other's block and everybody's real ones."""
    one, other, honest = SeenHead(0, 20, "b20"), SeenHead(1, 10, "b10"), SeenHead(2, 11, "a11")
    agreed = [one, other, honest]

    def hashes_at(place: int, numbers: Sequence[int]) -> Mapping[int, str]:
        return {number: f"b{number}" if place == 0 and number == 10 else f"a{number}" for number in numbers}

    assert find_backed(agreed, hashes_at, 5) is None
    assert not is_backed(other, agreed, hashes_at, 5)


def test_final_is_what_a_majority_says_or_all_of_two() -> None:
    assert find_final([100, 8, 7], 3) == 8, "one that says too much"
    assert find_final([0, 8, 7], 3) == 7, "one that says too little"
    assert find_final([None, 8, 7], 3) == 7
    assert find_final([100, None], 3) is None, "too few"
    assert find_final([100, 8], 2) == 8
    assert find_final([8], 2) == 8
    assert find_final([], 1) is None


@given(honest=st.integers(0, 100), lag=st.integers(0, 5), lie=st.one_of(st.none(), st.integers(0, 10**6)))
def test_final_of_three_is_between_those_of_the_honest(honest: int, lag: int, lie: int | None) -> None:
    found = find_final([lie, honest, honest + lag], 3)
    assert found is not None and honest <= found <= honest + lag


def test_one_that_confirms_only_the_lower_of_two_heads_parts_them_not() -> None:
    """It is far above with blocks of its own; the honest ones are a block apart."""
    liar = tuple(f"a{number}" if number < 10 else f"b{number}" for number in range(30))
    chains = (liar, trunk(10), trunk(11))
    assert agreed(*chains) == {0, 1, 2}
    seen = [SeenHead(place, len(chain) - 1, chain[-1]) for place, chain in enumerate(chains)]

    def hashes_at(place: int, numbers: Sequence[int]) -> Mapping[int, str]:
        return {number: chains[place][number] for number in numbers}

    assert find_backed(seen, hashes_at, 3) == SeenHead(1, 9, "a9")
