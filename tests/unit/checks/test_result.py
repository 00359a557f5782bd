"""What an operator sees of a health check, and what any client may."""

from __future__ import annotations

from cityledger.checks.result import CheckResult, HealthCheck, Observation, run_check
from cityledger.errors import ChainUnavailableError, CheckFailedError


def test_a_check_that_finds_nothing_wrong_has_no_next_step() -> None:
    check = HealthCheck("funds", lambda: "enough", "send some")
    assert run_check(check) == CheckResult("funds", True, "enough", "enough")


def test_a_check_shows_the_operator_more_than_others() -> None:
    seen = Observation("https://node.example: block 7", "1 of 1 answer")
    result = run_check(HealthCheck("endpoints", lambda: seen, ""))
    assert (result.detail, result.disclosed) == ("https://node.example: block 7", "1 of 1 answer")


def test_a_failure_of_ours_discloses_its_kind_only() -> None:
    def observe() -> str:
        raise ChainUnavailableError("https://node.example does not answer")

    result = run_check(HealthCheck("endpoints", observe, "start it"))
    assert (result.ok, result.detail) == (False, "https://node.example does not answer")
    assert (result.disclosed, result.next_step) == ("ChainUnavailableError", "start it")


def test_an_unexpected_failure_shows_its_kind_only_to_all() -> None:
    def observe() -> str:
        raise KeyError("a payload")

    result = run_check(HealthCheck("keyring", observe, "look"))
    assert (result.ok, result.detail, result.disclosed) == (False, "KeyError", "KeyError")


def test_a_failed_check_may_name_its_own_step_and_weight() -> None:
    def observe() -> str:
        raise CheckFailedError("stopped", detail="at block 7", next_step="rebuild", vital=False)

    result = run_check(HealthCheck("index", observe, "serve"))
    assert result == CheckResult("index", False, "at block 7", "stopped", "rebuild", vital=False)
