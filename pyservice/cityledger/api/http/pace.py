"""The slowest accepted body: limited pauses, and a lowest average rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cityledger.errors import StalledBodyError
from cityledger.settings import Settings


@dataclass(frozen=True, slots=True)
class Pace:
    """``idle_seconds`` is the longest pause, and the time that a body has before its rate counts."""

    idle_seconds: float
    min_bytes_per_second: float

    @classmethod
    def of(cls, settings: Settings) -> Pace:
        return cls(settings.body_idle_seconds, settings.body_min_bytes_per_second)

    def patience_seconds(self, received: int, waited_seconds: float) -> float:
        """Time limit for the next bytes, after ``received`` bytes for which the node waited
        ``waited_seconds``."""
        by_rate = self.idle_seconds + received / self.min_bytes_per_second - waited_seconds
        return max(0.0, min(self.idle_seconds, by_rate))

    def stalled(self) -> StalledBodyError:
        return StalledBodyError(
            "",
            f"the body brought nothing for {self.idle_seconds:g} s, or on average less than"
            f" {self.min_bytes_per_second:g} bytes a second",
        )


async def paced(chunks: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """The same chunks.

    Raises:
        StalledBodyError: they come too slowly.
    """
    received, waited = 0, 0.0
    while True:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(pace.patience_seconds(received, waited)):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise pace.stalled() from None
        if chunk is None:
            return
        waited += time.monotonic() - begun
        received += len(chunk)
        yield chunk
