"""An answer of /readyz costs little, and its wait is bounded."""

from __future__ import annotations

import threading

import pytest

from cityledger.checks.result import HealthCheck
from cityledger.checks.running import RETRY_SECONDS, BackgroundChecks
from cityledger.errors import CheckFailedError


class Counted:
    def __init__(self, wrong: bool = False) -> None:
        self.times = 0
        self.wrong = wrong

    def __call__(self) -> str:
        self.times += 1
        if self.wrong:
            raise CheckFailedError("unhealthy")
        return f"run {self.times}"


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_result_that_was_ok_is_shown_until_it_is_due() -> None:
    observe, clock = Counted(), Hand()
    checks = BackgroundChecks([HealthCheck("chain", observe, "")], 10.0, monotonic=clock)
    assert [result.detail for result in checks.results()] == ["run 1"]
    clock.now = 9.9
    assert [result.detail for result in checks.results()] == ["run 1"]
    clock.now = 10.0
    assert [result.detail for result in checks.results()] == ["run 2"]


def test_failed_check_runs_again_soon() -> None:
    observe, clock = Counted(wrong=True), Hand()
    checks = BackgroundChecks([HealthCheck("chain", observe, "")], 10.0, monotonic=clock)
    assert not checks.results()[0].ok
    observe.wrong, clock.now = False, RETRY_SECONDS
    assert checks.results()[0].ok


def test_check_that_hangs_is_named_and_blocks_no_other_caller() -> None:
    released = threading.Event()

    def observe() -> str:
        released.wait(30)
        return "at last"

    checks = BackgroundChecks([HealthCheck("endpoints", observe, "")], 10.0, wait_seconds=0.01)
    try:
        for _ in range(2):  # and no second thread hangs next to it
            (result,) = checks.results()
            assert not result.ok and result.vital
            assert result.disclosed == "endpoints has not answered for 0.01 s"
        assert sum(thread.name == "checks" for thread in threading.enumerate()) == 1
    finally:
        released.set()
    checks._running and checks._running.join()  # type: ignore[func-returns-value]
    assert [result.detail for result in checks.results()] == ["at last"]


@pytest.mark.parametrize("wrong", [True, False])
def test_results_keep_the_order_of_their_checks(wrong: bool) -> None:
    ordered = [HealthCheck("a", Counted(wrong), ""), HealthCheck("b", Counted(), "")]
    assert [result.name for result in BackgroundChecks(ordered).results()] == ["a", "b"]
