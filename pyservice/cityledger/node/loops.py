"""The table of a node's loops: what runs next to its API. A further loop is one more row."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cityledger.anchoring.anchorer import Anchorer
from cityledger.chain.rpc.new_heads import NewHeads
from cityledger.errors import CityledgerError
from cityledger.exchange import revocations
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.parts.storage import sweep, written_before
from cityledger.exchange.services import Services
from cityledger.exchange.tombstones import keep_missing
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.leadership import INDEXER, PURGING
from cityledger.store.engine.purging import Purging

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1
"""How often the indexer asks for a new head; part of the revocation bound."""
ANCHOR_SECONDS = 1.0
"""How often the anchoring loop ticks when no new block wakes it."""

IsLeader = Callable[[], bool]
"""Whether this process may do the loop's work now; the answer can change at any time."""


@dataclass(frozen=True, slots=True)
class Loop:
    """``run(stop, is_leader)`` returns soon after ``stop`` is set.

    ``leadership`` names what one process of a database at a time may do; without a name ``is_leader`` is
    always true. ``wake`` ends a pause of the loop early.
    """

    name: str
    run: Callable[[threading.Event, IsLeader], None]
    leadership: str | None = None
    wake: Callable[[], None] = lambda: None


def loops_of(
    services: Services,
    indexer: Indexer,
    anchorer: Anchorer,
    imports: ImportRunner,
    new_heads: NewHeads | None,
) -> tuple[Loop, ...]:
    """The loops in the order in which they start. Index and purging have one leader in a whole database, the
    others one among the processes of this node.
    """
    began = datetime.now(UTC)
    operator = services.operator.address.lower()

    def sweep_once(stop: threading.Event, is_leader: IsLeader) -> None:
        if is_leader():
            _sweep(services, began, stop)

    return (
        Loop(
            "indexer",
            lambda stop, is_leader: indexer.run(stop, POLL_SECONDS, is_leader),
            INDEXER,
            indexer.wake,
        ),
        Loop("new-heads", lambda stop, _: None if new_heads is None else new_heads.run(stop)),
        Loop(
            "anchoring",
            lambda stop, is_leader: anchorer.run(stop, ANCHOR_SECONDS, is_leader),
            f"anchoring/{operator}",
        ),
        Loop("imports", imports.run, f"imports/{operator}", imports.wake),
        Loop("rules-watch", lambda stop, _: services.rules_watch.run(stop)),
        Loop("cross-check", lambda stop, _: services.cross_check.run(stop)),
        Loop("sweep", sweep_once, f"sweep/{operator}"),
        Loop("tombstones", lambda stop, _: _keep_tombstones(services, stop)),
        Loop("revocations", lambda stop, _: revocations.run(services, stop)),
        Loop("purging", Purging(services.database, services.journal).run, PURGING),
    )


def _sweep(services: Services, began: datetime, stop: threading.Event) -> None:
    """Removes the objects that an earlier process of this node left without a row."""
    try:
        swept = sweep(services, written_before(began, services.database), stop.is_set)
    except CityledgerError as error:
        log.warning("objects not swept error=%s", type(error).__name__)
    else:
        log.info("objects swept count=%d", swept)


def _keep_tombstones(services: Services, stop: threading.Event) -> None:
    """Writes the tombstone objects that an earlier process of this node did not write before it ended."""
    try:
        written = keep_missing(services, stop.is_set)
    except CityledgerError as error:
        log.error("tombstone objects not written error=%s", type(error).__name__)
    else:
        log.info("tombstone objects written count=%d", written)
