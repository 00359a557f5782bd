"""Repeats a request that needs a version's batch to be mined, until it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cityledger.cli.output import note
from cityledger.errors import NotAnchoredError

T = TypeVar("T")
RETRY_SECONDS = 2.0


def fetch_when_anchored(
    fetch: Callable[[], T],
    patience_seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What ``fetch`` gives once it gives something; says once that it waits.

    Raises:
        NotAnchoredError: not within ``patience_seconds``.
    """
    until = now() + patience_seconds
    is_reported = False
    while True:
        try:
            return fetch()
        except NotAnchoredError:
            if now() + RETRY_SECONDS > until:
                if patience_seconds:
                    raise
                raise NotAnchoredError(
                    "durable, but its batch is not mined yet; --wait waits for it"
                ) from None
        if not is_reported:
            note("durable, but its batch is not mined yet; waiting")
        is_reported = True
        sleep(RETRY_SECONDS)
