from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from cityledger.api.http.pace import Pace, paced
from cityledger.errors import StalledBodyError


@pytest.mark.parametrize(
    ("received", "waited", "patience"),
    [(0, 0.0, 30.0), (0, 20.0, 10.0), (0, 31.0, 0.0), (1_000, 35.0, 5.0), (100_000, 35.0, 30.0)],
    ids=["begun", "nothing yet", "nothing at all", "slow", "fast"],
)
def test_patience_is_the_pause_or_what_the_rate_leaves(received: int, waited: float, patience: float) -> None:
    assert Pace(30, 100).patience_seconds(received, waited) == patience


def test_a_body_that_stops_is_given_up() -> None:
    async def stopping() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()

    async def read() -> list[bytes]:
        return [chunk async for chunk in paced(stopping(), Pace(0.01, 1_000_000))]

    with pytest.raises(StalledBodyError, match=r"0\.01 s"):
        anyio.run(read)


def test_a_body_that_comes_passes_unchanged() -> None:
    async def coming() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"", b"bc"):
            yield chunk

    async def read() -> list[bytes]:
        return [chunk async for chunk in paced(coming(), Pace(60, 1))]

    assert anyio.run(read) == [b"a", b"", b"bc"]
