"""Every client that requested /readyz or the metrics while a health check hung waited the whole time again,
in one of the API's few threads: strangers could hold all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cityledger.checks.remembered import Remembered
from cityledger.checks.result import HealthCheck
from cityledger.checks.running import BackgroundChecks


class Stuck:
    """Hangs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        self.released.wait(60)
        return "at last"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.released.set()


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nobody_waits_for_looks_that_have_hung_long_enough(stuck: Stuck) -> None:
    clock = Clock()
    watched = BackgroundChecks([HealthCheck("endpoints", stuck, "")], wait_seconds=3_600, monotonic=clock)
    first = threading.Thread(target=watched.results, daemon=True)
    first.start()
    assert stuck.begun.wait(60)
    clock.now = 3_600

    (result,) = watched.results()  # would wait an hour more

    assert result.disclosed.startswith("endpoints has not answered")


def test_nobody_waits_for_a_figure_that_has_hung_long_enough(stuck: Stuck) -> None:
    clock = Clock()
    remembered = Remembered(stuck, wait_seconds=3_600, monotonic=clock)
    first = threading.Thread(target=remembered.value, daemon=True)
    first.start()
    assert stuck.begun.wait(60)
    clock.now = 3_600

    assert remembered.value() is None
