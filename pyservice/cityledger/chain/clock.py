"""The time that decisions are made at, and the promise that it is not stale (SPEC.md §2, "Time")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import StaleIndexError
from cityledger.types import BlockRef

AHEAD_SECONDS = 5
"""Maximum skew of a head's time ahead of this machine's clock: two clocks that are kept by NTP."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    head: BlockRef
    arrived: float
    """Monotonic seconds at which this head was first seen."""
    grew_at: float
    """Monotonic seconds at which the chain last grew past every height seen before."""
    highest: int


class ChainClock:
    """Keeps the last head and the monotonic moment of its arrival. Usable from several threads, with one that
    writes.

    ``wall`` and ``monotonic`` give seconds; ``offset`` is how far a devnet's clock runs ahead of the wall
    clock (0 elsewhere).
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        offset: Callable[[], int] = lambda: 0,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = offset
        self._last: _Arrival | None = None
        self._stopped = ""

    def head_arrived(self, head: BlockRef) -> None:
        """Records a head. The same head again changes nothing: a repetition does not make it fresher.

        A head that replaces another without growing the chain is recorded, but does not count as an advance,
        so an endpoint that alternates between two forks goes stale.
        """
        now, last = self._monotonic(), self._last
        if last is None:
            self._last = _Arrival(head, now, now, head.number)
        elif head.hash != last.head.hash:
            grew = head.number > last.highest
            self._last = _Arrival(head, now, now if grew else last.grew_at, max(head.number, last.highest))

    def stop(self, reason: str) -> None:
        """From now on nothing is fresh: the index was stopped permanently."""
        self._stopped = reason

    def resume(self) -> None:
        """The index is not stopped, or no longer: it was rebuilt."""
        self._stopped = ""

    @property
    def head(self) -> BlockRef:
        """The last head.

        Raises:
            StaleIndexError: none has arrived yet.
        """
        return self._arrival().head

    def at(self) -> int:
        """Head time plus the whole monotonic seconds since that head arrived, in Unix seconds.

        Raises:
            StaleIndexError: no head has arrived yet.
        """
        last = self._arrival()
        return last.head.time + int(self._monotonic() - last.arrived)

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring how long something lasts."""
        return self._monotonic()

    def verify_fresh(self, limit_seconds: float) -> None:
        """Both clocks must agree that the head is young: the wall clock alone can be set back, the monotonic
        one knows no dates.

        Raises:
            StaleIndexError: no head yet, the index was stopped, the head's time or its arrival is more than
                ``limit_seconds`` ago, or its time is in the future.
        """
        if self._stopped:
            raise StaleIndexError(f"the index was stopped: {self._stopped}")
        last = self._arrival()
        behind = self._wall() + self._offset() - last.head.time
        # A clock that was set back makes an old head look young; only the other one shows how old it is.
        if behind < -AHEAD_SECONDS:
            raise StaleIndexError(f"the head is {-behind:.0f} s ahead of this machine's clock; set the clock")
        if behind > limit_seconds:
            raise StaleIndexError(f"the head is {behind:.0f} s old; the limit is {limit_seconds:g} s")
        silent = self._monotonic() - last.grew_at
        if silent > limit_seconds:
            raise StaleIndexError(
                f"the chain has not advanced for {silent:.0f} s; the limit is {limit_seconds:g} s"
            )

    def _arrival(self) -> _Arrival:
        if self._last is None:
            raise StaleIndexError("no block has been indexed yet")
        return self._last
