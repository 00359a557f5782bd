"""An answer of /readyz costs little and waits for nobody."""

from __future__ import annotations

import threading

import pytest

from cityledger.checks.result import Look, WrongError
from cityledger.checks.running import RETRY_SECONDS, Watched


class Counted:
    def __init__(self, wrong: bool = False) -> None:
        self.times = 0
        self.wrong = wrong

    def __call__(self) -> str:
        self.times += 1
        if self.wrong:
            raise WrongError("not well")
        return f"look {self.times}"


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_line_that_was_ok_is_shown_until_it_is_due() -> None:
    see, clock = Counted(), Hand()
    watched = Watched([Look("chain", see, "")], 10.0, monotonic=clock)
    assert [line.detail for line in watched.lines()] == ["look 1"]
    clock.now = 9.9
    assert [line.detail for line in watched.lines()] == ["look 1"]
    clock.now = 10.0
    assert [line.detail for line in watched.lines()] == ["look 2"]


def test_line_that_was_wrong_is_taken_again_soon() -> None:
    see, clock = Counted(wrong=True), Hand()
    watched = Watched([Look("chain", see, "")], 10.0, monotonic=clock)
    assert not watched.lines()[0].ok
    see.wrong, clock.now = False, RETRY_SECONDS
    assert watched.lines()[0].ok


def test_look_that_hangs_is_named_and_hangs_nobody_else() -> None:
    go_on = threading.Event()

    def see() -> str:
        go_on.wait(30)
        return "at last"

    watched = Watched([Look("endpoints", see, "")], 10.0, wait_seconds=0.01)
    try:
        for _ in range(2):  # and no second thread hangs beside it
            (line,) = watched.lines()
            assert not line.ok and line.vital
            assert line.told == "endpoints has not answered for 0.01 s"
        assert sum(thread.name == "checks" for thread in threading.enumerate()) == 1
    finally:
        go_on.set()
    watched._taking and watched._taking.join()  # type: ignore[func-returns-value]
    assert [line.detail for line in watched.lines()] == ["at last"]


@pytest.mark.parametrize("wrong", [True, False])
def test_lines_keep_the_order_of_their_looks(wrong: bool) -> None:
    looks = [Look("a", Counted(wrong), ""), Look("b", Counted(), "")]
    assert [line.name for line in Watched(looks).lines()] == ["a", "b"]
