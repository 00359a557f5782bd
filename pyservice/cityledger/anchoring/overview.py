"""The state of each log of a node, for its operator: read from the database alone."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.anchoring.halts import next_step
from cityledger.store import node_state
from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Tally
from cityledger.store.anchoring.logs import LogHead
from cityledger.store.index import queries as index


@dataclass(frozen=True, slots=True)
class LogOverview:
    """One log at the index's cursor. ``next_step`` is "" where no step is needed."""

    head: LogHead
    agency: str
    """Its code, or its number where the index does not know it."""
    open_leaves: int
    """Leaves that are in no batch yet."""
    tally: Tally
    unanchored_since: int | None
    """The time at which the oldest leaf that is not anchored was numbered; None if all are."""
    next_step: str
    is_continued: bool
    """Whether a newer log of the same agency and kind continues it."""


def overview_of(connection: sa.Connection) -> list[LogOverview]:
    """Every log that this node writes or wrote, by number."""
    heads = logs.list_heads(connection)
    final = node_state.final_block(connection)
    return [_overview(connection, head, heads, final) for head in heads]


def _overview(connection: sa.Connection, head: LogHead, heads: list[LogHead], final: int) -> LogOverview:
    chain = index.find_log(connection, head.log)
    anchored = min(0 if chain is None else chain.next_seq, head.next_seq)
    agency = index.find_agency(connection, head.agency)
    code = str(head.agency) if agency is None else agency.code
    was_continued = logs.is_continued(head, heads)
    since = None
    if anchored < head.next_seq:
        since = batches.numbered_at(connection, head.log, anchored)
    return LogOverview(
        head=head,
        agency=code,
        open_leaves=head.next_seq - batches.batched_end(connection, head.log),
        tally=batches.tally(connection, head.log, anchored, final),
        unanchored_since=since,
        next_step="" if was_continued else next_step(head, code),
        is_continued=was_continued,
    )
