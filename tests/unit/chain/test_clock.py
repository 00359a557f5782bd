from __future__ import annotations

import pytest

from cityledger.chain.clock import ChainClock
from cityledger.errors import StaleIndexError
from cityledger.types import BlockRef


class Clocks:
    """The test's wall and monotonic clocks, which pass together unless the wall is set."""

    def __init__(self) -> None:
        self.wall, self.monotonic, self.offset = 1_000_000.0, 50.0, 0
        self.chain = ChainClock(
            wall=lambda: self.wall, monotonic=lambda: self.monotonic, offset=lambda: self.offset
        )

    def pass_seconds(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def block(number: int, time: int, fork: str = "a") -> BlockRef:
    return BlockRef(number, f"{fork}{number}".encode().ljust(32, b"\0"), time)


def test_at_refuses_before_the_first_head() -> None:
    clocks = Clocks()
    with pytest.raises(StaleIndexError):
        clocks.chain.at()
    with pytest.raises(StaleIndexError):
        clocks.chain.verify_fresh(15)


def test_at_adds_whole_monotonic_seconds_to_head_time() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.pass_seconds(2.9)
    assert clocks.chain.at() == 1_000_002


def test_at_ignores_the_wall_clock() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.wall -= 5_000
    assert clocks.chain.at() == 1_000_000


def test_at_does_not_move_when_the_same_head_is_heard_again() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.pass_seconds(3)
    clocks.chain.head_arrived(block(1, 1_000_000))
    assert clocks.chain.at() == 1_000_003


def test_verify_fresh_holds_up_to_the_limit() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.pass_seconds(15)
    clocks.chain.verify_fresh(15)
    clocks.pass_seconds(0.1)
    with pytest.raises(StaleIndexError):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_an_old_head_that_arrived_just_now() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 999_900))
    with pytest.raises(StaleIndexError, match="100 s old"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_when_the_wall_clock_was_set_back_but_the_chain_stopped() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.pass_seconds(20)
    clocks.wall = 1_000_000
    with pytest.raises(StaleIndexError, match="not advanced for 20 s"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_an_endpoint_that_swings_between_forks() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(7, 1_000_000))
    for turn in range(20):
        clocks.pass_seconds(1)
        clocks.chain.head_arrived(block(7, int(clocks.wall), fork="ab"[turn % 2]))
    with pytest.raises(StaleIndexError, match="not advanced"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_follows_the_devnet_offset() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_086_400))
    clocks.offset = 86_400
    clocks.chain.verify_fresh(15)
    clocks.chain.head_arrived(block(2, 1_000_001))
    with pytest.raises(StaleIndexError):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_a_head_of_the_future() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_005))
    clocks.chain.verify_fresh(15)
    clocks.chain.head_arrived(block(2, 1_000_006))
    with pytest.raises(StaleIndexError, match="6 s ahead"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_when_the_wall_clock_was_set_back_though_the_chain_grows() -> None:
    clocks = Clocks()
    clocks.wall -= 60
    clocks.chain.head_arrived(block(1, 1_000_000))
    with pytest.raises(StaleIndexError, match="ahead of this machine's clock"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_when_the_wall_clock_was_set_forward() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.wall += 3_600
    with pytest.raises(StaleIndexError, match="3600 s old"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_when_heads_come_that_are_older_and_older() -> None:
    """A lagging chain: it grows, but slower than time."""
    clocks = Clocks()
    for number in range(20):
        clocks.chain.head_arrived(block(number, 1_000_000 + number))
        clocks.pass_seconds(2)
    with pytest.raises(StaleIndexError, match="21 s old"):
        clocks.chain.verify_fresh(15)


def test_verify_fresh_refuses_once_the_index_was_stopped() -> None:
    clocks = Clocks()
    clocks.chain.head_arrived(block(1, 1_000_000))
    clocks.chain.stop("a reorg too deep")
    with pytest.raises(StaleIndexError, match="a reorg too deep"):
        clocks.chain.verify_fresh(15)
