"""Waiting for what another process does: it sends no event to wait on, so these poll."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONGEST_SECONDS = 90.0
"""Far beyond what is needed: a machine that is busy with other things must fail no test."""
_PAUSE_SECONDS = 0.05


def await_that(what: str, look: Callable[[], T], seconds: float = LONGEST_SECONDS) -> T:
    """What ``look`` returns, as soon as that is true.

    Raises:
        AssertionError: it was not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_PAUSE_SECONDS)
    return found
