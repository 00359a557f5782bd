from __future__ import annotations

import pytest

from cityledger.api.limits import rates
from cityledger.api.limits.rates import BURST_SECONDS, Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_an_idle_key_may_send_a_burst_and_then_waits() -> None:
    clock = Clock()
    limited = Rates(10, clock)

    for _ in range(int(10 * BURST_SECONDS)):
        assert limited.wait_seconds("a") == 0
        limited.charge("a")
    limited.charge("a")

    assert limited.wait_seconds("a") == pytest.approx(0.1)
    assert limited.wait_seconds("b") == 0


def test_a_key_may_send_at_its_rate_for_ever() -> None:
    clock = Clock()
    limited = Rates(1_000, clock)

    for _ in range(10_000):
        assert limited.wait_seconds("a") == 0
        limited.charge("a")
        clock.now += 0.001


def test_what_is_charged_afterwards_has_to_be_waited_for() -> None:
    clock = Clock()
    limited = Rates(10, clock)

    limited.charge("a", 100)
    assert limited.wait_seconds("a") == pytest.approx(10 - BURST_SECONDS)
    clock.now += 10

    assert limited.wait_seconds("a") == 0


def test_the_key_that_was_charged_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_KEYS", 2)
    limited = Rates(1, Clock())

    for key in ("a", "b", "a", "c"):
        limited.charge(key, 10)

    assert [limited.wait_seconds(key) > 0 for key in ("a", "b", "c")] == [True, False, True]
